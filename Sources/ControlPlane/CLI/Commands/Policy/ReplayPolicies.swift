import APIModel
import ArgumentParser
import Foundation
import PolicyEngine

struct ReplayPolicies: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Say what policies would have made of the statements that were recorded.",
    discussion: """
      Every statement and refused entry of the time is judged by the policies in the files, or by \
      those in force. Then stands what would have been decided otherwise than it happened, newest \
      first. Labels are those that connections have now. Whether somebody would have been let in \
      is judged at the time of the session's newest statement. Refusals for other reasons than \
      policy, and statements whose text is not there, are counted and not judged.

      Examples:
        sallyport policy replay --since 7d policies/
        sallyport policy replay --since 1d --connection orders --format csv > otherwise.csv
      """)

  @Option(help: "From this time on: RFC 3339, a date, or how long ago, such as 7d.")
  var since: TimeArgument

  @Option(help: "Before this time.")
  var until: TimeArgument?

  @Option(help: "Only this connection. May be repeated.")
  var connection: [String] = []

  @Option(help: "Only this principal. May be repeated.")
  var principal: [String] = []

  @Option(help: "How many statements to list.")
  var limit = 100

  @Option(help: "table, json or csv.")
  var format: StreamFormat = .table

  @Argument(help: "Files, or folders with *.yaml files. (default: what is in force)")
  var files: [String] = []

  func validate() throws {
    guard limit >= 0 else { throw ValidationError("--limit \(limit) must be 0 or more.") }
  }

  func perform() async throws {
    let given = files.isEmpty ? nil : try PolicyFiles(files).reading().documents.map(\.document)
    let replay = try await APIClient.withClient(ConfigurationSource().load()) { client in
      let policies: [PolicyDocument]
      if let given { policies = given } else { policies = try await client.policies().policies() }
      let connections: [ConnectionInfo] = try await client.all(Routes.connections)
      var replay = PolicyReplay(
        PolicySet(policies),
        connections: Dictionary(
          connections.map {
            ($0.name, ReplayedConnection(labels: $0.labels, maximumRows: $0.maximumRows))
          }, uniquingKeysWith: { first, _ in first }),
        limit: limit)
      try await take(client, into: &replay)
      return replay
    }
    try ReplayText.write(replay, format: format)
  }

  private func take(_ client: APIClient, into replay: inout PolicyReplay) async throws {
    var filter = StatementFilter(
      principal: principal, connection: connection, since: since.rfc3339, until: until?.rfc3339)
    filter.limit = 1000
    var progress = ProgressLine(terminal: .standardError())
    defer { progress.end() }
    while true {
      let page = try await client.statements(filter)
      for item in page.items { replay.take(item) }
      let (count, at) = (replay.total, page.items.last?.at)
      progress.say("\(count) statements, back to \(at.map { TimeText.shown($0) } ?? "the end")")
      guard let next = page.nextCursor, next != filter.cursor, !page.items.isEmpty else { return }
      filter.cursor = next
    }
  }
}

/// What a replay found, in the format that was asked for.
enum ReplayText {
  static func write(_ replay: PolicyReplay, format: StreamFormat) throws {
    switch format {
    case .json, .jsonl: try StandardOutput.line(JSONText.pretty(replay.report))
    case .csv:
      try StandardOutput.write(csvHeading + replay.differences.map(csv).joined())
    case .table:
      try Listing.write(summary(replay))
      guard !replay.differences.isEmpty else { return StandardError.line(closing(replay)) }
      try StandardOutput.line("")
      try Listing.write(Table(columns: columns, rows: replay.differences.map(row)))
      StandardError.line(closing(replay))
    }
  }

  private static func summary(_ replay: PolicyReplay) -> Table {
    Table(
      columns: [
        Column("DECISION"), Column("BY", minimumWidth: 12),
        Column("STATEMENTS", rightAligned: true), Column("OTHERWISE", rightAligned: true),
      ],
      rows: replay.summary.map { line in
        [
          Cell(line.decision), Cell(EscapedText.line(line.rule)), Cell("\(line.statements)"),
          Cell("\(line.otherwise)"),
        ]
      })
  }

  static func closing(_ replay: PolicyReplay) -> String {
    var text = "\(replay.judged) judged, \(replay.otherwise) would have been decided otherwise"
    if replay.differences.count < replay.otherwise {
      text += " (the newest \(replay.differences.count) are shown; see --limit)"
    }
    if replay.withoutText > 0 { text += "; \(replay.withoutText) without their text" }
    if replay.otherReasons > 0 {
      text += "; \(replay.otherReasons) were refused for other reasons than policy"
    }
    return text
  }

  private static let columns = [
    Column("TIME (UTC)"), Column("SESSION", minimumWidth: 8, dropOrder: 2),
    Column("PRINCIPAL", minimumWidth: 9, comfortableWidth: 17),
    Column("CONNECTION", minimumWidth: 8, dropOrder: 1), Column("WAS"), Column("WOULD BE"),
    Column("BY", minimumWidth: 10, comfortableWidth: 20),
    Column("STATEMENT", minimumWidth: 18, comfortableWidth: 30),
  ]

  private static func row(_ item: PolicyReplay.Difference) -> [Cell] {
    [
      Cell(TimeText.shown(item.at)), Cell(EscapedText.line(item.session ?? "")),
      Cell(EscapedText.line(item.principal)), Cell(EscapedText.line(item.connection)),
      Cell(EscapedText.line(item.was)),
      Cell(item.decision, style: item.decision == "allow" ? .success : .failure),
      Cell(EscapedText.line(item.rule)), Cell(EscapedText.statement(item.sql ?? "(entry)")),
    ]
  }

  private static let csvHeading = CSV.row([
    "at", "session", "statement", "principal", "connection", "was", "decision", "rule", "message",
    "sql", "record",
  ])

  private static func csv(_ item: PolicyReplay.Difference) -> String {
    CSV.row([
      item.at, item.session ?? "", item.statement.map(String.init) ?? "", item.principal,
      item.connection, item.was, item.decision, item.rule, item.message, item.sql ?? "",
      item.record,
    ])
  }
}
