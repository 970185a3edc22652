import APIModel
import ArgumentParser
import Foundation

struct Audit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The trail of statements and refusals, and what was done at the control plane.",
    subcommands: [
      AuditQuery.self, AuditExport.self, AuditVerify.self, AuditProve.self, ControlEntries.self,
      ControlCheckpoint.self, AuditCompleteness.self,
    ])
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
      Every given filter must match; of a filter that is given several times, one value. Times are \
      UTC: 2026-05-04T03:12:00Z, 2026-05-04, or how long ago: 90s, 15m, 1h, 7d. An outcome \
      "unknown" means that the end of the statement has not been recorded, or not yet.

      Examples:
        sallyport audit query --command delete --table orders --since 2026-05-04T03:12 \
      --until 2026-05-04T03:13
        sallyport audit query --actor ci-bot --effect ddl --since 7d
        sallyport audit query --principal alice@example.com --format csv --all --output alice.csv
        sallyport audit query --decision refused --follow
      """)

  @OptionGroup var filters: StatementFilterOptions

  @Option(help: "From this time on.")
  var since: TimeArgument?

  @Option(help: "Before this time.")
  var until: TimeArgument?

  @Option(help: "How many rows to show.")
  var limit = 100

  @Flag(help: "Show all rows.")
  var all = false

  @Option(help: "Go on after an earlier answer.")
  var cursor: String?

  @Option(help: "table, json (one object a line; also jsonl) or csv.")
  var format: StreamFormat = .table

  @Option(help: "Write to this file, readable by its owner only, and say how far it is.")
  var output: String?

  @Flag(help: "Keep running and show rows as they are recorded, oldest first.")
  var follow = false

  @Flag(help: "A table with all columns, cut nowhere.")
  var wide = false

  func validate() throws {
    guard limit > 0 else { throw ValidationError("--limit \(limit) must be 1 or more.") }
    if follow, cursor != nil || all || until != nil || output != nil {
      throw ValidationError("--follow goes with none of --cursor, --all, --until and --output.")
    }
  }

  func perform() async throws {
    let configuration = try ConfigurationSource().load()
    try await APIClient.withClient(configuration) { client in
      if follow {
        var writer = StatementWriter(format: format, wide: wide)
        try await self.follow(client, &writer)
      } else if let output {
        try await export(client, to: output)
      } else {
        var writer = StatementWriter(format: format, wide: wide)
        try await query(client, &writer) { text, _ in
          if !text.isEmpty { try StandardOutput.write(text) }
        }
      }
    }
  }

  private var filter: StatementFilter {
    var filter = filters.filter
    filter.since = since?.rfc3339
    filter.until = until?.rfc3339
    return filter
  }

  private func export(_ client: APIClient, to path: String) async throws {
    var writer = StatementWriter(format: format, wide: wide, terminal: .file)
    let file = try ExportFile(path: path)
    var progress = ProgressLine(terminal: .standardError())
    do {
      try await query(client, &writer) { text, rows in
        try file.write(text)
        progress.say(rows: rows, bytes: file.bytes)
      }
      try file.finish()
    } catch {
      file.discard()
      progress.end()
      throw error
    }
    progress.end()
    StandardError.line("\(writer.rows) rows, \(file.bytes) bytes in \(EscapedText.line(path))")
  }

  /// Asks page by page.
  ///
  /// - Parameter put: Takes the text of each page and the number of rows so far.
  private func query(
    _ client: APIClient, _ writer: inout StatementWriter, put: (String, Int) throws -> Void
  ) async throws {
    var filter = self.filter
    filter.cursor = cursor
    while true {
      filter.limit = all ? 1000 : min(1000, limit - writer.rows)
      let page = try await client.statements(filter)
      let text = try writer.text(page.items)
      try put(text, writer.rows)
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
    var pause = Duration.milliseconds(500)
    while true {
      do {
        // The control plane answers as soon as there is a row, so that nothing is waited for here.
        let page = try await client.statements(trail.filter)
        try writer.write(trail.take(page), streaming: true)
        pause = .milliseconds(500)
      } catch let failure as CLIFailure where failure.status == .unavailable {
        // Following outlives a restart of the control plane; it goes on where it was.
        if pause < .seconds(1) {
          StandardError.line("\(EscapedText.line(failure.message)); trying again")
        }
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .seconds(5))
      }
    }
  }
}

extension APIClient {
  func statements(_ filter: StatementFilter) async throws(CLIFailure) -> Page<StatementInfo> {
    try await get(Routes.statements, query: filter.queryItems)
  }
}
