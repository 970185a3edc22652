/// The file calls the record log makes, as a seam: tests put faults and power cuts behind it.
///
/// A call fails with the error number of the system; interrupted calls are repeated inside.
package protocol FileAccess: Sendable {
  func makeFolder(_ path: String) throws(FileFailure)
  /// The names in a folder, in no order.
  func list(_ folder: String) throws(FileFailure) -> [String]
  func open(_ path: String, _ purpose: FilePurpose) throws(FileFailure) -> Int32
  func close(_ descriptor: Int32)
  /// Writes at an offset; may write less than asked for.
  func write(
    _ descriptor: Int32, _ path: String, _ bytes: UnsafeRawBufferPointer, at offset: Int64
  ) throws(FileFailure) -> Int
  /// Reads at an offset; 0 at the end.
  func read(
    _ descriptor: Int32, _ path: String, into buffer: UnsafeMutableRawBufferPointer,
    at offset: Int64
  ) throws(FileFailure) -> Int
  func size(_ descriptor: Int32, _ path: String) throws(FileFailure) -> Int64
  func truncate(_ descriptor: Int32, _ path: String, to size: Int64) throws(FileFailure)
  /// Brings the file's bytes to the medium.
  func synchronize(_ descriptor: Int32, _ path: String) throws(FileFailure)
  /// Brings the names in a folder to the medium.
  func synchronizeFolder(_ path: String) throws(FileFailure)
  /// Takes room for the file, so that writing into it cannot fail for want of it.
  func allocate(_ descriptor: Int32, _ path: String, bytes: Int64) throws(FileFailure)
  func remove(_ path: String) throws(FileFailure)
  /// Takes the exclusive lock of a file; `false` when another process has it.
  func lock(_ descriptor: Int32, _ path: String) throws(FileFailure) -> Bool
  /// Room on the folder's file system that this process may use.
  func freeBytes(_ folder: String) throws(FileFailure) -> Int64
  /// Names one run of the host's kernel; another name after a restart of the host.
  func bootIdentifier() -> String
}

/// What a file is opened for.
package enum FilePurpose: Hashable, Sendable {
  case read
  /// Must be there.
  case readWrite
  /// Made when missing.
  case readWriteMaking
  /// Must not be there.
  case makeNew
}
