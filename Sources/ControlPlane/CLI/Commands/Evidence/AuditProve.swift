import APIModel
import ArgumentParser
import AuditLog
import Crypto
import Foundation
import GatewayModel

struct AuditProve: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove",
    abstract: "Write a proof that one record stands in its agent's signed log.",
    discussion: """
      The proof holds the record, its place, the path to the signed checkpoint and the agent's key; \
      it verifies alone, with `sallyport audit verify FILE`.

      Example:
        sallyport audit prove 0190a6f2/1790000000/0/4711 --output delete.proof
      """)

  @Argument(help: "The record: AGENT/EPOCH/LANE/SEQ, the agent by its id or how that begins.")
  var record: String

  @Option(help: "The file; without it the proof goes to standard output.")
  var output: String?

  func perform() async throws {
    let parts = record.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 4 else {
      throw CLIFailure(
        .failed, "\"\(record)\" names no record",
        remedy: "write it as AGENT/EPOCH/LANE/SEQ; `sallyport audit query --format json` shows the"
          + " agent and the record of each statement")
    }
    let proof: RecordProof = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.get(Routes.proofs, parts)
    }
    // Verified before it is handed on.
    _ = try proof.checked()
    let text = try JSONText.pretty(proof)
    guard let output else { return try StandardOutput.line(text) }
    let file = try ExportFile(path: output)
    do {
      try file.write(text + "\n")
      try file.finish()
    } catch {
      file.discard()
      throw error
    }
    StandardError.line(
      "Wrote the proof to \(EscapedText.line(output)). → sallyport audit verify"
        + " \(EscapedText.line(output))")
  }
}

extension RecordProof {
  /// The proof that a file holds; `nil` when it is something else.
  init?(file path: String) throws {
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw CLIFailure(
        .failed, "\"\(path)\" cannot be read",
        remedy: "name a file of `sallyport audit export` or `sallyport audit prove`")
    }
    defer { try? handle.close() }
    // An export says what it is in its first bytes.
    let start = try handle.read(upToCount: 64) ?? Data()
    guard !start.starts(with: Data("{\"export\":".utf8)) else { return nil }
    let text = try InputFile.read(
      path, purpose: "the proof", atMost: APIClient.maximumLineBytes)
    guard let proof = try? JSONDecoder().decode(RecordProof.self, from: Data(text.utf8)),
      proof.format == Self.format
    else { return nil }
    self = proof
  }

  /// The record, or why the proof does not hold, for the person at the terminal.
  func checked(trusting key: [UInt8]? = nil) throws(CLIFailure) -> DecodedRecord {
    do {
      return try verified(trusting: key)
    } catch {
      throw CLIFailure(
        .failed, "the proof does not hold: \(error.description)",
        remedy: "ask for it again; if it fails again, run `sallyport audit verify`")
    }
  }
}

/// A proof that holds, as a person or a program reads it.
struct ProofReport {
  let proof: RecordProof
  let record: DecodedRecord
  let isTrusted: Bool

  init(_ proof: RecordProof, _ trusted: TrustedKeys) throws {
    let known = LogID(text: proof.log).flatMap { trusted.keys[$0.agent] }
    record = try proof.checked(trusting: known)
    isTrusted = known != nil
    self.proof = proof
  }

  private var keyFingerprint: String {
    let key = Data(base64Encoded: proof.key) ?? Data()
    return "sha256:"
      + SHA256.hash(data: key).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  func write(_ format: ListFormat) throws {
    let properties: [(String, String)] = [
      ("Proof", "holds"),
      ("Record", "\(proof.log)/\(proof.seq)"),
      ("Kind", record.kind.rawValue),
      ("Time", TimeText.shown(VerificationInfo.time(record.header.time)) + " UTC"),
      ("Session", record.header.session?.description ?? ""),
      ("Statement", record.statement.map { "\($0)" } ?? ""),
      ("Digest", record.digest.map { "\($0)" } ?? ""),
      ("Key", keyFingerprint + (isTrusted ? ", trusted" : ", as the proof says")),
    ].filter { !$0.1.isEmpty }
    guard format == .table else {
      let object = Dictionary(uniqueKeysWithValues: properties.map { ($0.0.lowercased(), $0.1) })
      try StandardOutput.line(JSONText.pretty(object))
      return
    }
    try Listing.write(properties: properties)
  }
}
