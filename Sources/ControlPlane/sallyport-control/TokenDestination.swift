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

  /// Makes sure that a token can be put there, before there is one.
  ///
  /// What it leaves behind is removed by ``deliver(_:)`` and ``discard()``.
  /// - Throws: ``StartFailure`` when nothing can be written there.
  func prepare() throws {
    guard let file else { return }
    do {
      try file.makeDraft()
    } catch {
      throw Self.failure("The bootstrap token cannot be written to", file, error.reason)
    }
  }

  /// Forgets ``prepare()``.
  func discard() { file?.dropDraft() }

  /// Puts the token there.
  ///
  /// - Throws: ``StartFailure`` when it cannot be written: nobody has the token then.
  func deliver(_ token: Secret) throws {
    switch self {
    case .standardOutput:
      do {
        try StandardOutput.write("Bootstrap token, good for one login:", "  \(token.text)")
      } catch {
        throw StartFailure(
          .configuration,
          "The bootstrap token cannot be printed: standard output is closed or full.",
          remedy: "Start again with --bootstrap-token-file: another token is made then.")
      }
    case .newFile(let file):
      file.dropDraft()
      try write(token, to: file) { try file.create(with: $0) }
    case .file(let file): try write(token, to: file) { try file.replace(with: $0) }
    }
  }

  private var file: PrivateFile? {
    switch self {
    case .standardOutput: nil
    case .newFile(let file), .file(let file): file
    }
  }

  private static func failure(
    _ act: String, _ file: PrivateFile, _ reason: String
  ) -> StartFailure {
    StartFailure(
      .configuration, "\(act) \"\(file.path)\" (\(reason)).",
      remedy: "Name a file that this user may write with --bootstrap-token-file, and start again: "
        + "another token is made then.")
  }

  private func write(
    _ token: Secret, to file: PrivateFile, _ body: ([UInt8]) throws -> Void
  ) throws {
    do {
      try body(token.bytes + [UInt8(ascii: "\n")])
    } catch let error as PrivateFile.Failure {
      throw Self.failure("The bootstrap token was not written to", file, error.reason)
    }
    StandardOutput.lines("Bootstrap token, good for one login, written to \(file.path).")
  }
}

/// What is meant for who started the program, apart from the log on standard error.
enum StandardOutput {
  /// Written at once, also when the output is a pipe or a file; nobody needs to read it.
  static func lines(_ lines: String...) { try? write(lines) }

  /// - Throws: When the output is closed or full.
  static func write(_ lines: String...) throws { try write(lines) }

  private static func write(_ lines: [String]) throws {
    try FileHandle.standardOutput.write(
      contentsOf: Data((lines.joined(separator: "\n") + "\n").utf8))
  }
}
