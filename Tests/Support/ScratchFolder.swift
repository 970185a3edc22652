import Foundation

/// A folder of one test's own, removed with this value's last reference.
package final class ScratchFolder: Sendable {
  package let path: String

  /// Makes the folder below the temporary folder.
  ///
  /// The name is kept short: the path of a Unix socket in it must stay below 108 bytes.
  package init(_ label: String = "t") throws {
    let name = "sallyport-\(label)-\(String(UInt32.random(in: 0 ... .max), radix: 36))"
    path = FileManager.default.temporaryDirectory.appending(path: name).path
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
    Leftovers.began(folder: path)
  }

  /// The path of an entry of the folder.
  package func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file readable by its owner only, and gives its path.
  @discardableResult
  package func write(_ text: String, to name: String) throws -> String {
    let path = file(name)
    let made = FileManager.default.createFile(
      atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
    guard made else { throw TestFailure("cannot write \(path)") }
    return path
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
    Leftovers.ended(folder: path)
  }
}

/// Why a test's own machinery could not go on.
package struct TestFailure: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
