import APIModel
import ArgumentParser
import Foundation

struct AuditCompleteness: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "completeness",
    abstract: "Say of each log whether the trail has every record of a period.",
    discussion: """
      Counted from the stored records themselves, by their time of arrival. An idle lane of an \
      agent writes a heartbeat at least every 30 seconds, so a longer silence says that the agent \
      did not run, or could not write. The exit status is 1 when records are missing. That they \
      are unaltered is for `sallyport audit verify`.

      Examples:
        sallyport audit completeness --since 2026-05-01 --until 2026-06-01
        sallyport audit completeness --agent 0190a6f2 --format csv > completeness.csv
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable, Sendable {
    case table
    case json
    case csv
  }

  @OptionGroup var part: ExportOptions

  @Option(help: "table, for people, json, for programs, or csv, for spreadsheets.")
  var format: Format = .table

  func perform() async throws {
    var answer = Data()
    try await APIClient.withClient(ConfigurationSource().load()) { client in
      try await client.stream(Routes.completeness, query: part.query) { bytes in
        answer.append(contentsOf: bytes.readableBytesView)
        guard answer.count <= APIClient.maximumAnswerBytes else {
          throw CLIFailure(
            .failed, "the report is longer than \(APIClient.maximumAnswerBytes) bytes",
            remedy: "ask for fewer agents with --agent")
        }
      }
    }
    guard let report = try? JSONDecoder().decode(CompletenessReport.self, from: answer) else {
      throw CLIFailure(
        .unavailable, "the report broke off", remedy: "look at the control plane's log")
    }
    let text = CompletenessText(report)
    switch format {
    case .table: try text.writeTable()
    case .json: try StandardOutput.line(JSONText.pretty(report))
    case .csv: try StandardOutput.write(text.csv)
    }
    if !report.isComplete { throw CLIExit.notSound }
  }
}
