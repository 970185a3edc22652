import APIModel
import ArgumentParser

struct ControlEntries: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "control",
    abstract: "What was done at the control plane, and what was read of the trail; newest first.",
    discussion: """
      Acts are named RESOURCE.VERB; a resource alone stands for all that is done to it. Every read \
      of audit data is an audit.read with its question. The heads of the agents' logs, which go \
      into the same log every few seconds, show with --action agents.witness only.

      Examples:
        sallyport audit control --since 1d
        sallyport audit control --action audit.read --caller "alice's laptop"
        sallyport audit control --action connection --action grant --format csv
        sallyport audit control --action api.call --since 1h
      """)

  @Option(help: "The name of the caller's API token, or its id. May be repeated.")
  var caller: [String] = []

  @Option(help: "An action such as grant.add, or a resource such as grant. May be repeated.")
  var action: [String] = []

  @Option(help: "From this time on.")
  var since: TimeArgument?

  @Option(help: "Before this time.")
  var until: TimeArgument?

  @Option(help: "How many entries to show.")
  var limit = 100

  @Flag(help: "Show all entries.")
  var all = false

  @Option(help: "table, json (one object a line; also jsonl) or csv.")
  var format: StreamFormat = .table

  func validate() throws {
    guard limit > 0 else { throw ValidationError("--limit \(limit) must be 1 or more.") }
  }

  func perform() async throws {
    let (items, hasMore) = try await APIClient.withClient(ConfigurationSource().load()) {
      try await read($0)
    }
    switch format {
    case .json, .jsonl:
      try StandardOutput.write(try items.map { try JSONText.line($0) + "\n" }.joined())
    case .csv:
      let isShown = Terminal.standardOutput().isTerminal
      try StandardOutput.write(
        ControlLogTable.csvHeading
          + items.map { ControlLogTable.csv($0, escaped: isShown) }.joined())
    case .table:
      guard !items.isEmpty else {
        StandardError.line("Nothing was recorded that matches.")
        return
      }
      try Listing.write(
        Table(columns: ControlLogTable.columns, rows: items.map(ControlLogTable.row)))
    }
    if hasMore { StandardError.line("→ there is more: add a larger --limit, or --all") }
  }

  private func read(
    _ client: APIClient
  ) async throws -> (items: [ControlLogEntryInfo], hasMore: Bool) {
    var filter = ControlLogFilter(
      caller: caller, action: action, since: since?.rfc3339, until: until?.rfc3339)
    var items: [ControlLogEntryInfo] = []
    while true {
      filter.limit = all ? 1000 : min(1000, limit - items.count)
      let page: Page<ControlLogEntryInfo> = try await client.get(
        Routes.controlLog, query: filter.queryItems)
      items += page.items
      guard let next = page.nextCursor, next != filter.cursor else { return (items, false) }
      guard all || items.count < limit else { return (items, true) }
      filter.cursor = next
    }
  }
}

/// The columns in which entries of the control plane's own log are shown.
enum ControlLogTable {
  static let columns = [
    Column("TIME (UTC)"), Column("CALLER", minimumWidth: 10, comfortableWidth: 18),
    Column("FROM", minimumWidth: 9, dropOrder: 1), Column("ACTION", minimumWidth: 12),
    Column("SUBJECT", minimumWidth: 10, comfortableWidth: 24), Column("RESULT"),
    Column("DETAIL", minimumWidth: 12, dropOrder: 2),
  ]

  static func row(_ item: ControlLogEntryInfo) -> [Cell] {
    [
      Cell(TimeText.shown(item.at)), Cell(EscapedText.line(caller(item.caller))),
      Cell(EscapedText.line(item.caller.address ?? "")), Cell(EscapedText.line(item.action)),
      Cell(EscapedText.line(item.subject)), Cell(EscapedText.line(item.refusal ?? "done")),
      Cell(EscapedText.line(item.detail ?? "")),
    ]
  }

  private static func caller(_ caller: ControlLogCaller) -> String {
    if !caller.name.isEmpty { return caller.role == "agent" ? "agent \(caller.name)" : caller.name }
    return caller.role == "none" ? "(no token)" : caller.role
  }

  static var csvHeading: String {
    CSV.row([
      "seq", "at", "action", "subject", "refusal", "caller", "caller_role", "caller_token",
      "caller_address", "detail",
    ])
  }

  /// - Parameter escaped: For a terminal, where control characters must not act.
  static func csv(_ item: ControlLogEntryInfo, escaped: Bool) -> String {
    let fields = [
      "\(item.seq)", item.at, item.action, item.subject, item.refusal ?? "", item.caller.name,
      item.caller.role, item.caller.tokenID ?? "", item.caller.address ?? "", item.detail ?? "",
    ]
    return CSV.row(escaped ? fields.map(EscapedText.block) : fields)
  }
}
