import Foundation

/// Files that only their owner may read.
enum PrivateFile {
  /// Writes the file with mode 0600, whole or not at all: a new file takes the old one's place.
  static func write(_ bytes: some DataProtocol, to path: String) throws(CLIFailure) {
    let temporary = "\(path).\(UInt64.random(in: .min ... .max))"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("creating the file", path) }
    defer { close(descriptor) }
    var rest = Data(bytes)
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else {
        let failure = failure("writing the file", path)
        unlink(temporary)
        throw failure
      }
      rest = rest.dropFirst(written)
    }
    guard fsync(descriptor) == 0, rename(temporary, path) == 0 else {
      let failure = failure("writing the file", path)
      unlink(temporary)
      throw failure
    }
  }

  /// Makes the folder with mode 0700 where it is not there yet.
  static func makeFolder(_ path: String) throws(CLIFailure) {
    guard !FileManager.default.fileExists(atPath: path) else { return }
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw CLIFailure(
        .configuration, "making the folder \"\(path)\" failed: \(error.localizedDescription)",
        remedy:
          "make it yourself with `mkdir -m 700 -p`, or set SALLYPORT_CONFIG to a file elsewhere")
    }
  }

  /// Whether others than the owner may read or write the file; `nil` when it cannot be told.
  static func isOpenToOthers(_ path: String) -> Bool? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return status.st_mode & 0o077 != 0
  }

  private static func failure(_ act: String, _ path: String) -> CLIFailure {
    CLIFailure(
      .failed, "\(act) \"\(path)\" failed: \(String(cString: strerror(errno)))",
      remedy: "check that the folder exists and is yours to write")
  }
}

/// Reads a small text file that a person names, such as a token or a password.
enum InputFile {
  static let maximumBytes = 1 << 20

  /// - Parameter purpose: What the file holds, for the message: `the API token`.
  static func read(
    _ path: String, purpose: String, atMost limit: Int = maximumBytes
  ) throws(CLIFailure) -> String {
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw CLIFailure(
        .failed, "reading \(purpose) from \"\(path)\" failed: \(String(cString: strerror(errno)))",
        remedy: "check the path and that you may read it")
    }
    defer { try? handle.close() }
    return try read(handle, named: "\"\(path)\"", purpose: purpose, atMost: limit)
  }

  /// Reads a stream to its end.
  static func read(
    _ handle: FileHandle, named name: String, purpose: String, atMost limit: Int = maximumBytes
  ) throws(CLIFailure) -> String {
    var bytes = Data()
    do {
      while let next = try handle.read(upToCount: 65_536), !next.isEmpty {
        bytes += next
        guard bytes.count <= limit else {
          throw CLIFailure(
            .failed, "\(name) is too long for \(purpose): over \(limit) bytes",
            remedy: "check that it is the right file")
        }
      }
    } catch let failure as CLIFailure {
      throw failure
    } catch {
      throw CLIFailure(
        .failed, "reading \(purpose) from \(name) failed: \(error.localizedDescription)",
        remedy: "check that it is a file you may read")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CLIFailure(
        .failed, "\(purpose) in \(name) is not UTF-8 text",
        remedy: "check that it is the right file")
    }
    return text
  }

  /// The first line, without its end; a token or password never spans lines.
  static func secret(in text: String, purpose: String, source: String) throws(CLIFailure) -> String
  {
    let line = text.prefix { !$0.isNewline }
    guard !line.isEmpty else {
      throw CLIFailure(
        .failed, "\(source) holds no \(purpose): its first line is empty",
        remedy: "put it on the first line")
    }
    guard text.dropFirst(line.count).allSatisfy(\.isWhitespace) else {
      throw CLIFailure(
        .failed, "\(source) holds more than one line, \(purpose) must be on one",
        remedy: "check that it is the right file")
    }
    return String(line)
  }
}
