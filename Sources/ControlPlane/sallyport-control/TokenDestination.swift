import Foundation
import GatewayModel

/// Where the one-time bootstrap token goes: standard output, or a file of its own.
struct TokenDestination {
  private let path: String?

  /// - Throws: ``StartFailure`` when there is such a file already: it may hold a token in use.
  init(path: String?) throws {
    self.path = path
    if let path, FileManager.default.fileExists(atPath: path) {
      throw StartFailure(
        .configuration, "The bootstrap token file \"\(path)\" is there already.",
        remedy: "Move it away, or name another.")
    }
  }

  /// Whether the token can be delivered to a place that is not there yet; `nil` when no file was
  /// asked for.
  func deliver(_ token: Secret) throws {
    guard let path else {
      StandardOutput.lines("Bootstrap token, good for one login:", "  \(token.text)")
      return
    }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    let bytes = token.bytes + [UInt8(ascii: "\n")]
    let written = descriptor < 0 ? -1 : write(descriptor, bytes, bytes.count)
    let reason = errno
    if descriptor >= 0 { close(descriptor) }
    guard written == bytes.count else {
      throw StartFailure(
        .configuration,
        "Writing the bootstrap token to \"\(path)\" failed: \(String(cString: strerror(reason))).",
        remedy: "Name another file and run `sallyport-control bootstrap` for a new token.")
    }
    StandardOutput.lines("Bootstrap token, good for one login, written to \(path).")
  }
}

/// What is meant for who started the program, apart from the log on standard error.
enum StandardOutput {
  /// Written at once, also when the output is a pipe or a file.
  static func lines(_ lines: String...) {
    FileHandle.standardOutput.write(Data((lines.joined(separator: "\n") + "\n").utf8))
  }
}
