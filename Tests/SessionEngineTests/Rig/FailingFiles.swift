import Glibc
import RecordLog
import Synchronization

/// The real files, whose writes fail with an error number while a test says so.
final class FailingFiles: FileAccess {
  private let real = PosixFiles()
  private let failure = Mutex<Int32?>(nil)
  /// Comes before each sync of a file, which fails with what it gives.
  let atSync: Mutex<(@Sendable () -> Int32?)?> = Mutex(nil)

  /// The error number with which writes fail; `nil` lets them through.
  var errorNumber: Int32? {
    get { failure.withLock { $0 } }
    set { failure.withLock { $0 = newValue } }
  }

  private let failing: @Sendable (_ path: String) -> Bool

  /// - Parameter failing: Which files fail; all by default.
  init(_ failing: @escaping @Sendable (_ path: String) -> Bool = { _ in true }) {
    self.failing = failing
  }

  private func check(_ call: String, _ path: String) throws(FileFailure) {
    guard let errorNumber, failing(path) else { return }
    throw FileFailure(call: call, path: path, errorNumber: errorNumber)
  }

  func write(
    _ descriptor: Int32, _ path: String, _ bytes: UnsafeRawBufferPointer, at offset: Int64
  ) throws(FileFailure) -> Int {
    try check("write", path)
    return try real.write(descriptor, path, bytes, at: offset)
  }

  func allocate(_ descriptor: Int32, _ path: String, bytes: Int64) throws(FileFailure) {
    try check("allocate", path)
    try real.allocate(descriptor, path, bytes: bytes)
  }

  func makeFolder(_ path: String) throws(FileFailure) { try real.makeFolder(path) }
  func list(_ folder: String) throws(FileFailure) -> [String] { try real.list(folder) }
  func open(_ path: String, _ purpose: FilePurpose) throws(FileFailure) -> Int32 {
    try real.open(path, purpose)
  }
  func close(_ descriptor: Int32) { real.close(descriptor) }
  func read(
    _ descriptor: Int32, _ path: String, into buffer: UnsafeMutableRawBufferPointer,
    at offset: Int64
  ) throws(FileFailure) -> Int {
    try real.read(descriptor, path, into: buffer, at: offset)
  }
  func size(_ descriptor: Int32, _ path: String) throws(FileFailure) -> Int64 {
    try real.size(descriptor, path)
  }
  func truncate(_ descriptor: Int32, _ path: String, to size: Int64) throws(FileFailure) {
    try real.truncate(descriptor, path, to: size)
  }
  func synchronize(_ descriptor: Int32, _ path: String) throws(FileFailure) {
    if let errorNumber = atSync.withLock({ $0 })?() {
      throw FileFailure(call: "fdatasync", path: path, errorNumber: errorNumber)
    }
    try real.synchronize(descriptor, path)
  }
  func synchronizeFolder(_ path: String) throws(FileFailure) { try real.synchronizeFolder(path) }
  func remove(_ path: String) throws(FileFailure) { try real.remove(path) }
  func lock(_ descriptor: Int32, _ path: String) throws(FileFailure) -> Bool {
    try real.lock(descriptor, path)
  }
  func freeBytes(_ folder: String) throws(FileFailure) -> Int64 { try real.freeBytes(folder) }
  func bootIdentifier() -> String { real.bootIdentifier() }
}
