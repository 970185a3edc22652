import APIModel
import ArgumentParser
import Foundation

/// What part of the audit trail is wanted.
struct ExportOptions: ParsableArguments {
  @Option(help: "Only the logs of this agent, by its id or how that begins; may be given again.")
  var agent: [String] = []

  @Option(help: "Only what arrived from this time on.")
  var since: TimeArgument?

  @Option(help: "Only what arrived before this time.")
  var until: TimeArgument?

  var isPart: Bool { !agent.isEmpty || since != nil || until != nil }

  var query: [(String, String)] {
    var items = agent.map { ("agent", $0) }
    if let since { items.append(("since", since.rfc3339)) }
    if let until { items.append(("until", until.rfc3339)) }
    return items
  }
}

struct AuditExport: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write the records themselves to a file that can be verified without the server.",
    discussion: """
      The file has one JSON object a line: the records as the agents wrote them, the agents' keys \
      and their signed checkpoints. Verify it with `sallyport audit verify FILE`.

      Examples:
        sallyport audit export --output trail.jsonl
        sallyport audit export --since 7d --agent 0190a6f2 --output week.jsonl
      """)

  @OptionGroup var part: ExportOptions

  @Option(help: "The file; it is replaced when the export is complete.")
  var output: String

  func perform() async throws {
    let file = try ExportFile(path: output)
    var progress = ProgressLine(terminal: .standardError())
    var lines = 0
    var last = Data()
    do {
      try await APIClient.withClient(ConfigurationSource().load()) { client in
        try await client.lines(Routes.export, query: part.query) { line in
          try file.write(String(decoding: line, as: UTF8.self) + "\n")
          lines += 1
          last = line
          progress.say(rows: lines, bytes: file.bytes)
        }
      }
      progress.end()
      guard last.starts(with: Data("{\"close\":".utf8)) else {
        throw CLIFailure(
          .unavailable, "the export broke off after \(lines) lines",
          remedy: "look at the control plane's log and try again")
      }
      try file.finish()
    } catch {
      progress.end()
      file.discard()
      throw error
    }
    StandardError.line(
      "Wrote \(lines) lines, \(file.bytes) bytes, to \(EscapedText.line(output)). → sallyport"
        + " audit verify \(EscapedText.line(output))")
  }
}
