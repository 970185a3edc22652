import APIModel
import ArgumentParser
import Foundation

struct Sessions: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Client connections through the agents.",
    subcommands: [ListSessions.self, ShowSession.self])
}

struct ListSessions: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List sessions, newest first.",
    discussion: """
      Examples:
        sallyport sessions list --open
        sallyport sessions list --principal alice@example.com --since 7d --format json
      """)

  @Option(help: "The subject, such as alice@example.com.")
  var principal: String?

  @Option(help: "The connection's name.")
  var connection: String?

  @Option(help: "The agent's id, or how it begins.")
  var agent: String?

  @Option(help: "From this time on: RFC 3339, a date, or how long ago, such as 1h.")
  var since: TimeArgument?

  @Option(help: "Before this time.")
  var until: TimeArgument?

  @Flag(help: "Only sessions that are open.")
  var open = false

  @Option(help: "How many to show, 1 to 1000.")
  var limit = 100

  @Option(help: "Go on after an earlier answer.")
  var cursor: String?

  @OptionGroup var list: ListOptions

  func validate() throws {
    guard (1...1000).contains(limit) else {
      throw ValidationError("--limit \(limit) must be between 1 and 1000.")
    }
  }

  func perform() async throws {
    let query: [(String, String?)] = [
      ("principal", principal), ("connection", connection), ("agent", agent),
      ("since", since?.rfc3339), ("until", until?.rfc3339), ("state", open ? "open" : nil),
      ("limit", "\(limit)"), ("cursor", cursor),
    ]
    let page: Page<SessionInfo> = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.get(
        Routes.sessions, query: query.compactMap { name, value in value.map { (name, $0) } })
    }
    try Listing.write(
      page.items, format: list.format, empty: "No sessions match.",
      columns: [
        Column("OPENED (UTC)"), Column("SESSION"), Column("PRINCIPAL", minimumWidth: 9),
        Column("CONNECTION", minimumWidth: 10), Column("ROLE", minimumWidth: 6, dropOrder: 3),
        Column("CLIENT", minimumWidth: 9, dropOrder: 5),
        Column("APPLICATION", minimumWidth: 8, dropOrder: 6),
        Column("STATEMENTS", rightAligned: true, dropOrder: 2),
        Column("LASTED", rightAligned: true, dropOrder: 4),
        Column("STATE", minimumWidth: 8, dropOrder: 1),
      ], row: SessionText.row)
    if let next = page.nextCursor {
      StandardError.line("→ there is more: add --cursor \(EscapedText.line(next))")
    }
  }
}
