import Foundation
import GatewayModel

/// Where the one-time bootstrap token goes.
///
/// Where a file is named the token is in that file and nowhere else: standard output is kept by
/// journals and container logs.
enum TokenDestination {
  case standardOutput
  /// A file that is not there yet.
  case newFile(PrivateFile)
  /// A file that is replaced where it is there already.
  case file(PrivateFile)

  /// A file that must not be there yet: it may hold a token in use.
  ///
  /// - Parameter path: `nil` for standard output.
  /// - Throws: ``StartFailure`` when there is anything of that name.
  static func new(_ path: String?) throws -> TokenDestination {
    guard let path else { return .standardOutput }
    let file = PrivateFile(path: path)
    guard try file.kind() == .missing else {
      throw StartFailure(
        .configuration, "The bootstrap token file \"\(path)\" is there already.",
        remedy: "Move it away, or name another.")
    }
    return .newFile(file)
  }

  /// A file that may be there from an earlier start: a restart with the same arguments must work.
  /// A token is only made for a database that never had one, so what the file holds then is of
  /// another database, and is replaced.
  ///
  /// - Parameter path: `nil` for standard output.
  /// - Throws: ``StartFailure`` when something else than a file has that name.
  static func replaceable(_ path: String?) throws -> TokenDestination {
    guard let path else { return .standardOutput }
    let file = PrivateFile(path: path)
    guard try file.kind() != .other else {
      throw StartFailure(
        .configuration, "The bootstrap token file \"\(path)\" is not a regular file.",
        remedy: "Name a file with --bootstrap-token-file, or leave the flag out: the token is "
          + "printed then.")
    }
    return .file(file)
  }

  /// Puts the token there.
  ///
  /// - Throws: ``StartFailure`` when it cannot be written: the token is lost then.
  func deliver(_ token: Secret) throws {
    switch self {
    case .standardOutput:
      StandardOutput.lines("Bootstrap token, good for one login:", "  \(token.text)")
    case .newFile(let file): try write(token, to: file) { try file.create(with: $0) }
    case .file(let file): try write(token, to: file) { try file.replace(with: $0) }
    }
  }

  private func write(
    _ token: Secret, to file: PrivateFile, _ body: ([UInt8]) throws -> Void
  ) throws {
    do {
      try body(token.bytes + [UInt8(ascii: "\n")])
    } catch let error as PrivateFile.Failure {
      throw StartFailure(
        .configuration,
        "Writing the bootstrap token to \"\(file.path)\" failed: \(error.reason).",
        remedy: "Run `sallyport-control bootstrap` for a new token, with a file that this user "
          + "may write.")
    }
    StandardOutput.lines("Bootstrap token, good for one login, written to \(file.path).")
  }
}

/// What is meant for who started the program, apart from the log on standard error.
enum StandardOutput {
  /// Written at once, also when the output is a pipe or a file.
  static func lines(_ lines: String...) {
    FileHandle.standardOutput.write(Data((lines.joined(separator: "\n") + "\n").utf8))
  }
}
