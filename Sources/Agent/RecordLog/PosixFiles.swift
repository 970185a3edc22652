#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The calls of the operating system.
package struct PosixFiles: FileAccess {
  package init() {}

  package func makeFolder(_ path: String) throws(FileFailure) {
    if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    // The parents, one by one, as `mkdir -p` does.
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
      throw FileFailure(call: "mkdir", path: path, errorNumber: errno)
    }
    try makeFolder(String(path[..<slash]))
    if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    throw FileFailure(call: "mkdir", path: path, errorNumber: errno)
  }

  package func list(_ folder: String) throws(FileFailure) -> [String] {
    guard let stream = opendir(folder) else {
      throw FileFailure(call: "opendir", path: folder, errorNumber: errno)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        guard errno == 0 else {
          throw FileFailure(call: "readdir", path: folder, errorNumber: errno)
        }
        return names
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
        String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
  }

  package func open(_ path: String, _ purpose: FilePurpose) throws(FileFailure) -> Int32 {
    let flags: Int32 =
      switch purpose {
      case .read: O_RDONLY
      case .readWrite: O_RDWR
      case .readWriteMaking: O_RDWR | O_CREAT
      case .makeNew: O_RDWR | O_CREAT | O_EXCL
      }
    // Records are for the agent alone: they hold statements and parameters.
    #if canImport(Glibc)
      let descriptor = retrying { Glibc.open(path, flags | O_CLOEXEC, 0o600) }
    #elseif canImport(Musl)
      let descriptor = retrying { Musl.open(path, flags | O_CLOEXEC, 0o600) }
    #else
      let descriptor = retrying { Darwin.open(path, flags | O_CLOEXEC, 0o600) }
    #endif
    guard descriptor >= 0 else {
      throw FileFailure(call: "open", path: path, errorNumber: errno)
    }
    return descriptor
  }

  package func close(_ descriptor: Int32) {
    // A child process that was started meanwhile may hold the descriptor a little longer; a lock
    // must not outlive this call with it.
    flock(descriptor, LOCK_UN)
    #if canImport(Glibc)
      _ = Glibc.close(descriptor)
    #elseif canImport(Musl)
      _ = Musl.close(descriptor)
    #else
      _ = Darwin.close(descriptor)
    #endif
  }

  package func write(
    _ descriptor: Int32, _ path: String, _ bytes: UnsafeRawBufferPointer, at offset: Int64
  ) throws(FileFailure) -> Int {
    let count = retrying { pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset)) }
    guard count >= 0 else {
      throw FileFailure(call: "write", path: path, errorNumber: errno)
    }
    return count
  }

  package func read(
    _ descriptor: Int32, _ path: String, into buffer: UnsafeMutableRawBufferPointer,
    at offset: Int64
  ) throws(FileFailure) -> Int {
    let count = retrying { pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)) }
    guard count >= 0 else {
      throw FileFailure(call: "read", path: path, errorNumber: errno)
    }
    return count
  }

  package func size(_ descriptor: Int32, _ path: String) throws(FileFailure) -> Int64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw FileFailure(call: "fstat", path: path, errorNumber: errno)
    }
    return Int64(status.st_size)
  }

  package func truncate(
    _ descriptor: Int32, _ path: String, to size: Int64
  ) throws(FileFailure) {
    guard retrying({ Int(ftruncate(descriptor, off_t(size))) }) == 0 else {
      throw FileFailure(call: "ftruncate", path: path, errorNumber: errno)
    }
  }

  package func synchronize(_ descriptor: Int32, _ path: String) throws(FileFailure) {
    #if canImport(Darwin)
      let result = fsync(descriptor)
    #else
      let result = fdatasync(descriptor)
    #endif
    guard result == 0 else {
      throw FileFailure(call: "fdatasync", path: path, errorNumber: errno)
    }
  }

  package func synchronizeFolder(_ path: String) throws(FileFailure) {
    let descriptor = try open(path, .read)
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else {
      throw FileFailure(call: "fsync", path: path, errorNumber: errno)
    }
  }

  package func allocate(
    _ descriptor: Int32, _ path: String, bytes: Int64
  ) throws(FileFailure) {
    #if canImport(Darwin)
      let result = ftruncate(descriptor, off_t(bytes)) == 0 ? 0 : errno
    #else
      let result = posix_fallocate(descriptor, 0, off_t(bytes))
    #endif
    guard result == 0 else {
      throw FileFailure(call: "posix_fallocate", path: path, errorNumber: result)
    }
  }

  package func remove(_ path: String) throws(FileFailure) {
    guard unlink(path) == 0 || errno == ENOENT else {
      throw FileFailure(call: "unlink", path: path, errorNumber: errno)
    }
  }

  package func lock(_ descriptor: Int32, _ path: String) throws(FileFailure) -> Bool {
    if retrying({ Int(flock(descriptor, LOCK_EX | LOCK_NB)) }) == 0 { return true }
    if errno == EWOULDBLOCK { return false }
    throw FileFailure(call: "flock", path: path, errorNumber: errno)
  }

  package func freeBytes(_ folder: String) throws(FileFailure) -> Int64 {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else {
      throw FileFailure(call: "statvfs", path: folder, errorNumber: errno)
    }
    // Absurd sizes of exotic file systems must not overflow.
    let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(
      by: UInt64(status.f_frsize))
    return overflow ? Int64.max : Int64(clamping: bytes)
  }

  package func bootIdentifier() -> String {
    let path = "/proc/sys/kernel/random/boot_id"
    guard let descriptor = try? open(path, .read) else { return "" }
    defer { close(descriptor) }
    let text = withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
      let count = (try? read(descriptor, path, into: buffer, at: 0)) ?? 0
      return String(decoding: buffer.prefix(count), as: UTF8.self)
    }
    return String(text.prefix { !$0.isNewline })
  }

  private func retrying<T: SignedInteger>(_ call: () -> T) -> T {
    while true {
      let result = call()
      if result >= 0 || errno != EINTR { return result }
    }
  }
}

extension FileFailure {
  /// A write that took nothing without an error: there is no room.
  static func tookNothing(_ path: String) -> FileFailure {
    FileFailure(call: "write", path: path, errorNumber: ENOSPC)
  }

  /// Bytes of a file are not what was written there.
  static func damaged(_ path: String) -> FileFailure {
    FileFailure(call: verifyCall, path: path, errorNumber: EIO)
  }

  var isDamage: Bool { call == Self.verifyCall }

  /// The log never had, or has no more, what was asked for.
  static func outOfRange(_ path: String) -> FileFailure {
    FileFailure(call: findCall, path: path, errorNumber: ENOENT)
  }

  var isOutOfRange: Bool { call == Self.findCall }

  private static var verifyCall: String { "verify" }
  private static var findCall: String { "find" }

  /// Whether the call failed for want of room.
  package var isNoSpace: Bool {
    errorNumber == ENOSPC || errorNumber == EDQUOT || errorNumber == EFBIG
  }

  /// What the system says, for example `No space left on device`.
  package var reason: String {
    var buffer = [CChar](repeating: 0, count: 256)
    #if canImport(Glibc)
      _ = strerror_r(errorNumber, &buffer, buffer.count)
    #else
      strerror_r(errorNumber, &buffer, buffer.count)
    #endif
    let text = String(
      decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return text.isEmpty ? "error \(errorNumber)" : text
  }
}
