import Foundation
import Glibc

/// A file that only its owner can read, written as a whole or not at all.
struct PrivateFile {
  enum Kind {
    case missing, regular
    /// A folder, a device or the like.
    case other
  }

  /// What the system said.
  struct Failure: Error {
    let number: Int32
    var reason: String { String(cString: strerror(number)) }
  }

  let path: String

  /// What is at the path now, links followed.
  ///
  /// - Throws: ``StartFailure`` when it cannot be looked at.
  func kind() throws -> Kind {
    var information = stat()
    guard stat(path, &information) == 0 else {
      let failure = Failure(number: errno)
      guard failure.number == ENOENT else {
        throw StartFailure(
          .configuration, "The file \"\(path)\" cannot be looked at: \(failure.reason).",
          remedy: "Name a file in a folder that this user may use.")
      }
      return .missing
    }
    return information.st_mode & S_IFMT == S_IFREG ? .regular : .other
  }

  /// Makes the file; one that is there already, or a link, is left as it is.
  func create(with bytes: [UInt8]) throws(Failure) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Failure(number: errno) }
    var failure = Self.write(bytes, to: descriptor)
    if close(descriptor) != 0 { failure = failure ?? Failure(number: errno) }
    guard let failure else { return }
    unlink(path)
    throw failure
  }

  /// Makes the file, in place of one that is there already.
  ///
  /// A new file is made beside it and takes its name, so that a reader sees the old content or the
  /// new, and who has the old file open, or may read it, sees nothing of the new.
  func replace(with bytes: [UInt8]) throws(Failure) {
    let draft = PrivateFile(path: "\(path).\(getpid()).new")
    // What an earlier process of that number left behind.
    unlink(draft.path)
    try draft.create(with: bytes)
    guard rename(draft.path, path) == 0 else {
      let failure = Failure(number: errno)
      unlink(draft.path)
      throw failure
    }
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Failure? {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 {
        if errno == EINTR { continue }
        return Failure(number: errno)
      }
      rest = rest.dropFirst(written)
    }
    return fsync(descriptor) == 0 ? nil : Failure(number: errno)
  }
}
