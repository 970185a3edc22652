import Synchronization

/// What all lanes of one folder share: its files, how much they take, and the reserve.
final class LogFolder: Sendable {
  let configuration: RecordLogConfiguration
  let files: any FileAccess
  private let used = Atomic<Int64>(0)
  private let level = Atomic<UInt8>(DiskLevel.ok.rawValue)
  /// Whether the reserve file is there in full.
  private let reserve = Mutex<Bool>(false)

  init(configuration: RecordLogConfiguration, files: any FileAccess) {
    self.configuration = configuration
    self.files = files
  }

  func path(_ name: String) -> String { "\(configuration.folder)/\(name)" }

  // MARK: Room

  var usedBytes: Int64 { used.load(ordering: .relaxed) }

  func addUsed(_ bytes: Int64) { used.add(bytes, ordering: .relaxed) }

  var diskLevel: DiskLevel {
    get { DiskLevel(rawValue: level.load(ordering: .relaxed)) ?? .full }
    set { level.store(newValue.rawValue, ordering: .relaxed) }
  }

  /// Measures the room anew and keeps the level for who asks on the hot path.
  @discardableResult
  func measure() -> (level: DiskLevel, freeBytes: Int64) {
    // A disk that cannot be asked is judged by the share of the log's own limit alone.
    let free = (try? files.freeBytes(configuration.folder)) ?? Int64.max
    let level =
      holdsReserve
      ? DiskLevel.of(
        usedBytes: usedBytes, freeBytes: free, maximumBytes: configuration.maximumBytes,
        reserveBytes: configuration.reserveBytes)
      : .full
    self.level.store(level.rawValue, ordering: .relaxed)
    return (level, free)
  }

  /// Whether `bytes` more keep the log within its own limit.
  func admits(_ bytes: Int, fromReserve: Bool) -> Bool {
    guard let maximum = configuration.maximumBytes else { return true }
    let limit = fromReserve ? maximum + configuration.reserveBytes : maximum
    return usedBytes + Int64(bytes) <= limit
  }

  // MARK: Reserve

  var holdsReserve: Bool { reserve.withLock { $0 } }

  /// Takes the reserve's room on the disk; does nothing when it is held.
  func takeReserve() throws(FileFailure) {
    let path = path("reserve")
    let failure: FileFailure? = reserve.withLock { held in
      if held { return nil }
      do throws(FileFailure) {
        let descriptor = try files.open(path, .readWriteMaking)
        defer { files.close(descriptor) }
        if configuration.reserveBytes > 0 {
          try files.allocate(descriptor, path, bytes: configuration.reserveBytes)
        }
        held = true
        return nil
      } catch {
        try? files.remove(path)
        return error
      }
    }
    if let failure { throw failure }
  }

  /// Gives the reserve's room back to the disk for closing records.
  func releaseReserve() {
    reserve.withLock { held in
      held = false
      try? files.remove(path("reserve"))
    }
    diskLevel = .full
  }
}

/// An open file of a segment; closed when nobody uses it any more.
final class SegmentFile: Sendable {
  let path: String
  let descriptor: Int32
  private let files: any FileAccess

  init(path: String, purpose: FilePurpose, files: any FileAccess) throws(FileFailure) {
    self.path = path
    self.files = files
    descriptor = try files.open(path, purpose)
  }

  deinit { files.close(descriptor) }

  /// Writes all of `bytes`; repeats the call where the system took only a part.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileFailure) {
    var written = 0
    while written < bytes.count {
      let count = try files.write(
        descriptor, path, UnsafeRawBufferPointer(rebasing: bytes[written...]),
        at: offset + Int64(written))
      guard count > 0 else {
        throw FileFailure.tookNothing(path)
      }
      written += count
    }
  }

  /// Fills `buffer` from `offset` on; returns fewer bytes only at the end of the file.
  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
  ) throws(FileFailure) -> Int {
    var done = 0
    while done < buffer.count {
      let count = try files.read(
        descriptor, path, into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]),
        at: offset + Int64(done))
      if count <= 0 { break }
      done += count
    }
    return done
  }

  /// Writes all of `bytes`.
  func write(_ bytes: [UInt8], at offset: Int64) throws(FileFailure) {
    let outcome: Result<Void, FileFailure> = bytes.withUnsafeBytes { raw in
      do throws(FileFailure) { return .success(try write(raw, at: offset)) } catch {
        return .failure(error)
      }
    }
    try outcome.get()
  }

  /// Fills the first `count` bytes of `buffer`, at most all of it, from `offset` on.
  ///
  /// - Returns: how many bytes there were.
  func read(
    into buffer: inout [UInt8], count: Int, at offset: Int64
  ) throws(FileFailure) -> Int {
    let outcome: Result<Int, FileFailure> = buffer.withUnsafeMutableBytes { raw in
      let part = UnsafeMutableRawBufferPointer(rebasing: raw.prefix(count))
      do throws(FileFailure) { return .success(try read(into: part, at: offset)) } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  func truncate(to size: Int64) throws(FileFailure) {
    try files.truncate(descriptor, path, to: size)
  }

  func synchronize() throws(FileFailure) { try files.synchronize(descriptor, path) }

  func size() throws(FileFailure) -> Int64 { try files.size(descriptor, path) }
}
