import APIModel
import ArgumentParser
import AuditLog
import Foundation

struct ControlCheckpoint: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "The signed head of the control plane's own log, to keep and to compare with later.",
    discussion: """
      Keep what it prints somewhere that the control plane cannot reach. With --check it proves that \
      the log begins with the kept one still: nothing that was recorded before was changed or \
      taken away since.

      Examples:
        sallyport audit checkpoint > sallyport-2026-05-04.checkpoint
        sallyport audit checkpoint --check sallyport-2026-05-04.checkpoint
      """)

  @Option(help: ArgumentHelp("Compare with the checkpoint in this file.", valueName: "file"))
  var check: String?

  func perform() async throws {
    let configuration = try ConfigurationSource().load()
    let kept = try check.map(KeptCheckpoint.init(file:))
    let query = kept.map { [("from", "\($0.checkpoint.size)")] } ?? []
    let present: ControlCheckpointInfo = try await APIClient.withClient(configuration) {
      try await $0.get(Routes.controlCheckpoint, query: query)
    }
    guard let kept else { return try StandardOutput.write(present.note) }
    let size = try kept.compare(with: present)
    StandardError.line(
      "The control plane's own log has \(size) records and begins with the \(kept.checkpoint.size) "
        + "of the kept checkpoint.")
  }
}

/// A checkpoint that somebody has kept.
struct KeptCheckpoint {
  let checkpoint: Checkpoint
  private let note: [UInt8]
  private let name: String

  /// - Throws: ``CLIFailure`` when the file cannot be read or holds no checkpoint.
  init(file: String) throws {
    let bytes: Data
    do {
      bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    } catch {
      throw CLIFailure(
        .failed, "reading \"\(EscapedText.line(file))\" failed: \(error.localizedDescription)",
        remedy: "name a file that `sallyport audit checkpoint` has written")
    }
    try self.init(note: Array(bytes.prefix(SignedNote.maximumBytes + 1)), name: file)
  }

  init(note: [UInt8], name: String) throws {
    guard let signed = SignedNote(bytes: note), let checkpoint = Checkpoint(text: signed.text)
    else {
      throw CLIFailure(
        .failed, "\"\(EscapedText.line(name))\" holds no signed checkpoint",
        remedy: "name a file that `sallyport audit checkpoint` has written")
    }
    self.checkpoint = checkpoint
    self.note = note
    self.name = name
  }

  /// Holds the present log against this checkpoint.
  ///
  /// - Returns: The size of the present log.
  /// - Throws: ``CLIFailure`` that says what does not fit.
  func compare(with present: ControlCheckpointInfo) throws -> UInt64 {
    guard let key = Data(base64Encoded: present.publicKey),
      let witnessed = try? WitnessedLog(log: checkpoint.log, publicKey: key)
    else {
      throw CLIFailure(
        .failed, "the control plane's answer has no usable key", remedy: "check its version")
    }
    guard witnessed.checkpoint(signed: note) != nil else {
      throw Self.changed(
        "the checkpoint in \"\(EscapedText.line(name))\" is not signed with the control plane's "
          + "present key")
    }
    let hashes = (present.consistency ?? []).map { Data(base64Encoded: $0) }
    let proof = hashes.compactMap { $0.flatMap { Hash256(bytes: $0) } }
    let verdict = witnessed.judge(
      Array(present.note.utf8), against: checkpoint,
      proof: proof.count == hashes.count ? proof : [])
    switch verdict {
    case .same: return checkpoint.size
    case .newer(let newer): return newer.size
    case .conflict(.signature):
      throw Self.changed("the present log is another one, or is not signed")
    case .conflict(.behind):
      throw Self.changed("the present log has fewer records than the kept \(checkpoint.size)")
    case .conflict(.root), .conflict(.proof):
      throw Self.changed(
        "the present log does not begin with the \(checkpoint.size) records of the kept checkpoint")
    }
  }

  private static func changed(_ what: String) -> CLIFailure {
    CLIFailure(
      .failed, "the control plane's own log was changed: \(what)",
      remedy: "find out who could write to its database, and do not trust its audit trail until"
        + " then; after a restore from a backup it is behind, too")
  }
}
