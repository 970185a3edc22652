import APIModel
import ArgumentParser
import AuditLog
import Foundation
import GatewayModel

struct AuditVerify: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check that the audit trail is whole and as it was written.",
    discussion: """
      Without FILE the records are read from the control plane and verified here. With FILE an \
      export, or the proof of a single record, is verified without asking anybody.

      Every record is hashed again and held against what the agents signed and the control plane \
      witnessed. The first bad record of each log is named. The exit status is 1 when anything is \
      wrong.

      The control plane hands out the agents' public keys. Keep them, and a checkpoint of the \
      control plane's own log, where it cannot reach them: --keys takes a file with lines of agent \
      id and key in base64, and then no other agent's key is taken; --checkpoint takes the output \
      of `sallyport audit checkpoint`.

      Without FILE the control plane then reads its records again and holds the tables that \
      questions are answered from against them: statements, sessions, SQL texts and the acts at the \
      control plane. A row that differs is a finding too. It is the control plane that compares, so \
      this finds what was changed in its database and not a control plane that lies. With FILE, \
      --since, --until or --records-only the tables are not looked at.

      Examples:
        sallyport audit verify
        sallyport audit verify --records-only
        sallyport audit verify trail.jsonl --keys keys.txt --checkpoint kept.txt
      """)

  @Argument(help: "An export or a proof; without it the control plane is asked.")
  var file: String?

  @OptionGroup var part: ExportOptions

  @Option(help: "A file with trusted keys, a line for each agent: its id and its key in base64.")
  var keys: String?

  @Option(help: "A file with a signed checkpoint of the control plane's own log.")
  var checkpoint: String?

  @Flag(help: "Do not compare the tables that questions are answered from with the records.")
  var recordsOnly = false

  @OptionGroup var list: ListOptions

  /// The tables have no part that belongs to a time of arrival.
  var comparesTables: Bool {
    file == nil && part.since == nil && part.until == nil && !recordsOnly
  }

  func validate() throws {
    if file != nil, part.isPart {
      throw ValidationError("--agent, --since and --until go without FILE.")
    }
    if file != nil, recordsOnly {
      throw ValidationError("--records-only goes without FILE, which has records only.")
    }
  }

  func perform() async throws {
    let trusted = try keys.map(TrustedKeys.init(file:)) ?? TrustedKeys()
    if let file, let proof = try RecordProof(file: file) {
      return try ProofReport(proof, trusted).write(list.format)
    }
    let verifier = TrailVerification(
      trusted: trusted, kept: try checkpoint.map(Self.keptCheckpoint))
    var tables = TablesVerification()
    if let file {
      try await verifier.read(file: file)
    } else {
      try await APIClient.withClient(ConfigurationSource().load()) { client in
        try await client.lines(Routes.export, query: part.query) { verifier.take($0) }
        guard comparesTables else { return }
        verifier.endProgress()
        // What the records are stays to be told, whatever becomes of the tables.
        tables = try await TablesVerification.reading { take in
          try await client.lines(Routes.comparison, query: part.query) { take($0) }
        }
      }
    }
    var report = verifier.finish()
    if comparesTables { tables.finish(&report) }
    try VerificationText(report).write(list.format)
    if !report.isSound { throw CLIExit.notSound }
  }

  /// The checkpoint that a note says; its signature is not asked for, since the file is trusted.
  static func keptCheckpoint(_ path: String) throws -> Checkpoint {
    let text = try InputFile.read(path, purpose: "the checkpoint", atMost: SignedNote.maximumBytes)
    guard let note = SignedNote(bytes: text.utf8), let checkpoint = Checkpoint(text: note.text)
    else {
      throw CLIFailure(
        .failed, "\"\(path)\" holds no checkpoint",
        remedy: "give a file that `sallyport audit checkpoint` has written")
    }
    return checkpoint
  }
}

extension CLIExit {
  /// The trail, or a proof, is not what it must be; what is wrong has been written.
  static var notSound: ExitCode { ExitCode(CLIExit.failed.rawValue) }
}

/// Feeds lines to the verifier and says how far it is.
final class TrailVerification {
  private var verifier: ExportVerifier
  private var progress = ProgressLine(terminal: .standardError())
  private var lines = 0
  private var bytes = 0

  init(trusted: TrustedKeys, kept: Checkpoint?) {
    verifier = ExportVerifier(trusted: trusted.keys, kept: kept)
  }

  func take(_ line: Data) {
    verifier.take(line)
    lines += 1
    bytes += line.count + 1
    progress.say(rows: lines, bytes: bytes)
  }

  /// Reads a file piece by piece.
  func read(file path: String) async throws {
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw CLIFailure(
        .failed, "\"\(path)\" cannot be read", remedy: "name a file of `sallyport audit export`")
    }
    defer { try? handle.close() }
    var rest = Data()
    while verifier.isReadable, let part = try handle.read(upToCount: 1 << 20), !part.isEmpty {
      rest.append(part)
      var start = rest.startIndex
      while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
        take(rest[start..<end])
        start = end + 1
      }
      rest = Data(rest[start...])
      guard rest.count <= APIClient.maximumLineBytes else {
        throw CLIFailure(
          .failed, "\"\(path)\" has a line of more than \(APIClient.maximumLineBytes) bytes",
          remedy: "name a file of `sallyport audit export`")
      }
    }
    if !rest.isEmpty { take(rest) }
  }

  func endProgress() { progress.end() }

  func finish() -> VerificationReport {
    progress.end()
    return verifier.finish()
  }
}

/// Takes what the control plane says of its tables, and says how far it is.
struct TablesVerification {
  private var reader = ComparisonReader()
  private var progress = ProgressLine(terminal: .standardError())

  /// Takes the lines that `ask` gives; that it fails is noted as a finding.
  ///
  /// - Throws: what is no failure of the answer, such as that the program is to end.
  static func reading(
    _ ask: (_ take: (Data) -> Void) async throws -> Void
  ) async throws -> TablesVerification {
    var tables = TablesVerification()
    do {
      try await ask { tables.take($0) }
    } catch let failure as CLIFailure {
      tables.reader.fail(failure.message)
    }
    return tables
  }

  mutating func take(_ line: Data) {
    if let far = reader.take(line) {
      progress.say("tables: \(far.records) records, \(far.rows) rows")
    }
  }

  mutating func finish(_ report: inout VerificationReport) {
    progress.end()
    reader.finish(&report)
  }
}
