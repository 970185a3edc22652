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
    /// Whether it is the folder that takes no new file.
    var isOfTheFolder: Bool { [EROFS, EACCES, EPERM].contains(number) }
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

  /// Where the file's new content is made before it takes the file's name.
  private var draft: PrivateFile { PrivateFile(path: "\(path).\(getpid()).new") }

  /// Makes an empty draft beside the file: what fails here would fail when the file is made.
  ///
  /// A file in a folder where nothing can be made, such as one that is mounted into a container, is
  /// fit without a draft when it can be written itself.
  func makeDraft() throws(Failure) {
    // What an earlier process of that number left behind.
    dropDraft()
    do throws(Failure) { try draft.create(with: []) } catch {
      guard error.isOfTheFolder else { throw error }
      let descriptor = open(path, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw error }
      close(descriptor)
    }
  }

  func dropDraft() { unlink(draft.path) }

  /// Makes the file, in place of one that is there already.
  ///
  /// A new file is made beside it and takes its name, so that a reader sees the old content or the
  /// new, and who has the old file open, or may read it, sees nothing of the new. A file that cannot
  /// be replaced because it is mounted, or because nothing can be made beside it, is written itself.
  func replace(with bytes: [UInt8]) throws(Failure) {
    dropDraft()
    do throws(Failure) {
      try draft.create(with: bytes)
      guard rename(draft.path, path) == 0 else {
        let failure = Failure(number: errno)
        dropDraft()
        throw failure
      }
    } catch {
      guard error.isOfTheFolder || error.number == EBUSY else { throw error }
      do throws(Failure) { try overwrite(with: bytes) } catch let other {
        // That there is no file to write says nothing about why none could be made.
        throw other.number == ENOENT ? error : other
      }
    }
  }

  /// Writes the file in place; on failure it is empty.
  private func overwrite(with bytes: [UInt8]) throws(Failure) {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure(number: errno) }
    defer { close(descriptor) }
    // Before anything is in it that others could read.
    guard fchmod(descriptor, 0o600) == 0, ftruncate(descriptor, 0) == 0 else {
      throw Failure(number: errno)
    }
    guard let failure = Self.write(bytes, to: descriptor) else { return }
    ftruncate(descriptor, 0)
    throw failure
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
