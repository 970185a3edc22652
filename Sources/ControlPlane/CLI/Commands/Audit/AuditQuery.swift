import APIModel
import ArgumentParser
import Foundation

struct Audit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The trail of statements and refusals.", subcommands: [AuditQuery.self])
}

/// A point in time as an argument: RFC 3339, a date, or how long ago.
struct TimeArgument: ExpressibleByArgument, Sendable {
  var rfc3339: String

  init?(argument: String) {
    guard let time = TimeText.filterTime(argument, now: Date()) else { return nil }
    rfc3339 = time
  }
}

struct AuditQuery: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "query",
    abstract: "Who ran what, where, when, and with what outcome; newest first.",
    discussion: """
      Every given filter must match. Times are UTC: 2026-05-04T03:12:00Z, 2026-05-04, or how long \
      ago: 90s, 15m, 1h, 7d. An outcome "unknown" means that the end of the statement has not \
      been recorded, or not yet.

      Examples:
        sallyport audit query --connection orders --words "delete orders" --since 1d
        sallyport audit query --principal alice@example.com --since 7d --format csv --all
        sallyport audit query --outcome refused --follow
      """)

  @Option(help: "The subject, such as alice@example.com.")
  var principal: String?

  @Option(help: "The connection's name.")
  var connection: String?

  @Option(help: "The agent's id, or how it begins.")
  var agent: String?

  @Option(help: "The session's id.")
  var session: String?

  @Option(help: "From this time on.")
  var since: TimeArgument?

  @Option(help: "Before this time.")
  var until: TimeArgument?

  @Option(help: "Words that all stand in the SQL text, in any case and order.")
  var words: String?

  @Option(
    help: "completed, failed, suspended, skipped, unknown, or refused (also refused entries).")
  var outcome: String?

  @Option(help: "How many rows to show.")
  var limit = 100

  @Flag(help: "Show all rows.")
  var all = false

  @Option(help: "Go on after an earlier answer.")
  var cursor: String?

  @Option(help: "table, jsonl or csv.")
  var format: StreamFormat = .table

  @Flag(help: "Keep running and show rows as they are recorded, oldest first.")
  var follow = false

  @Flag(help: "A table with all columns, cut nowhere.")
  var wide = false

  func validate() throws {
    guard limit > 0 else { throw ValidationError("--limit \(limit) must be 1 or more.") }
    if follow, cursor != nil || all || until != nil {
      throw ValidationError("--follow goes with none of --cursor, --all and --until.")
    }
  }

  func perform() async throws {
    var writer = StatementWriter(format: format, wide: wide)
    let configuration = try ConfigurationSource().load()
    try await APIClient.withClient(configuration) { client in
      if follow {
        try await self.follow(client, &writer)
      } else {
        try await query(client, &writer)
      }
    }
  }

  private var filter: StatementFilter {
    StatementFilter(
      principal: principal, connection: connection, agent: agent, session: session,
      since: since?.rfc3339, until: until?.rfc3339, words: words, outcome: outcome)
  }

  private func query(_ client: APIClient, _ writer: inout StatementWriter) async throws {
    var filter = self.filter
    filter.cursor = cursor
    while true {
      filter.limit = all ? 1000 : min(1000, limit - writer.rows)
      let page = try await client.statements(filter)
      try writer.write(page.items)
      guard let next = page.nextCursor, next != filter.cursor, !page.items.isEmpty else { break }
      guard all || writer.rows < limit else {
        StandardError.line(
          "→ there is more: add --cursor \(EscapedText.line(next)), a larger --limit, or --all")
        return
      }
      filter.cursor = next
    }
    if writer.rows == 0, format == .table {
      StandardError.line("Nothing was recorded that matches.")
    }
  }

  private func follow(_ client: APIClient, _ writer: inout StatementWriter) async throws {
    var recent: [StatementInfo] = []
    var end: String?
    if since == nil {
      // The end first: what is settled between the two answers is in both, and in neither twice.
      end = try await client.statements(FollowedTrail.end).nextCursor
      var filter = self.filter
      filter.limit = 10
      recent = try await client.statements(filter).items
    }
    try writer.write(recent.reversed(), streaming: true)
    var trail = FollowedTrail(filter: filter, after: end, recent: recent)
    var pause = Duration.milliseconds(400)
    while true {
      do {
        let page = try await client.statements(trail.filter)
        try writer.write(trail.take(page), streaming: true)
        pause = .milliseconds(400)
        if page.items.count >= FollowedTrail.pageSize { continue }
      } catch let failure as CLIFailure where failure.status == .unavailable {
        // Following outlives a restart of the control plane; it goes on where it was.
        if pause < .seconds(1) {
          StandardError.line("\(EscapedText.line(failure.message)); trying again")
        }
        pause = min(pause * 2, .seconds(5))
      }
      try await Task.sleep(for: pause)
    }
  }
}

extension APIClient {
  func statements(_ filter: StatementFilter) async throws(CLIFailure) -> Page<StatementInfo> {
    try await get(Routes.statements, query: filter.queryItems)
  }
}

extension StatementFilter {
  /// The given filters under the names of their keys.
  var queryItems: [(String, String)] {
    CodingKeys.allCases.compactMap { key in
      let value: String? =
        switch key {
        case .principal: principal
        case .connection: connection
        case .agent: agent
        case .session: session
        case .since: since
        case .until: until
        case .words: words
        case .outcome: outcome
        case .order: order
        case .limit: limit.map(String.init)
        case .cursor: cursor
        }
      return value.map { (key.rawValue, $0) }
    }
  }
}
