import APIModel
import Foundation
import Testing

@testable import sallyport

extension StatementInfo {
  /// A completed read; tests change what they are about.
  static func sample(
    record: String = "1/0/7", outcome: String = "completed", sql: String? = "select 1"
  ) -> StatementInfo {
    StatementInfo(
      kind: "statement", at: "2026-05-04T03:12:07.250Z", session: "s", statement: 1,
      principal: "alice@example.com", principalKind: "user", groups: ["analysts"],
      actors: [.init(subject: "alice@example.com", kind: "user", verified: true)],
      connection: "orders", database: "shop", databaseRole: "app", agent: "a",
      clientAddress: "10.0.0.7:51234", applicationName: "psql", sql: sql, digest: "d",
      parameters: [], outcome: outcome, sqlstate: nil, message: nil, reason: nil,
      commandTag: "SELECT 1", rows: 1, serverMilliseconds: 0.5, totalMilliseconds: 0.75,
      rule: "g", bundleVersion: 3, record: record)
  }
}

struct StatementTextTests {
  @Test func parametersFollowTheStatement() {
    var item = StatementInfo.sample(sql: "delete from orders\n where id = $1 and note = $2")
    item.parameters = [
      .init(typeOID: 23, text: "42", binary: nil), .init(typeOID: 25, text: nil, binary: nil),
      .init(typeOID: 17, text: nil, binary: "AAE="),
    ]
    #expect(
      StatementText.statement(item)
        == "delete from orders where id = $1 and note = $2  ($1=42, $2=NULL, $3=base64:AAE=)")
  }

  @Test func refusalsSayWhy() {
    var item = StatementInfo.sample(outcome: "refused", sql: nil)
    item.reason = "no_grant"
    item.message = "no grant for \"payroll\""
    #expect(StatementText.outcome(item) == Cell("refused no_grant", style: .failure))
    #expect(StatementText.statement(item) == "entry: no grant for \"payroll\"")
    item.outcome = "failed"
    item.reason = nil
    item.sqlstate = "42501"
    #expect(StatementText.outcome(item).text == "failed 42501")
  }

  @Test(arguments: [
    ("10.0.0.7:51234", "10.0.0.7"), ("[fd00::1]:51234", "fd00::1"), ("fd00::1", "fd00::1"),
    ("local", "local"), ("", ""),
  ])
  func clientsAreShownWithoutTheirPort(address: String, shown: String) {
    #expect(StatementText.client(address) == shown)
  }

  @Test(arguments: [
    (0.0, "0.00 ms"), (1.006, "1.01 ms"), (99.5, "99.50 ms"), (99.999, "100.00 ms"),
    (1234.4, "1234 ms"), (65_000, "65 s"), (.nan, ""), (-1, ""), (1e300, ""),
  ])
  func timesAreShort(milliseconds: Double, shown: String) {
    #expect(StatementText.milliseconds(milliseconds) == shown)
  }
}

struct StatementWriterTests {
  private func terminal(_ width: Int?) -> Terminal {
    Terminal(
      isTerminal: false, measuredWidth: nil,
      environment: width.map { ["COLUMNS": "\($0)"] } ?? [:])
  }

  @Test(arguments: [80, 100, 120, 160, 240])
  func tablesFitTheTerminal(width: Int) throws {
    var writer = StatementWriter(format: .table, wide: false, terminal: terminal(width))
    var refused = StatementInfo.sample(outcome: "refused", sql: nil)
    refused.reason = "no_grant"
    let long = StatementInfo.sample(sql: String(repeating: "select 東京, ", count: 200))
    let text = try writer.text([.sample(), long, refused])
    let lines = text.split(separator: "\n")
    #expect(lines.count == 4)
    for line in lines { #expect(DisplayWidth.of(String(line)) <= width, "\(line)") }
    #expect(lines[1].contains("2026-05-04 03:12:07"))
    // What the table is for is still there at its narrowest.
    #expect(lines[0].contains("PRINCIPAL") && lines[0].contains("ROWS"))
    #expect(lines[0].contains("OUTCOME") && lines[2].contains("…"))
    #expect(lines[3].contains("refused no"))
  }

  @Test func laterPagesKeepTheColumns() throws {
    var writer = StatementWriter(format: .table, wide: false, terminal: terminal(nil))
    let first = try writer.text([.sample()])
    let second = try writer.text([.sample()])
    #expect(first.split(separator: "\n").count == 2)
    #expect(second.split(separator: "\n").count == 1)
    #expect(first.hasSuffix(second))
    #expect(writer.rows == 2)
  }

  @Test func csvHasOneHeadingAndAllFields() throws {
    var writer = StatementWriter(format: .csv, wide: false, terminal: terminal(nil))
    let text = try writer.text([.sample(sql: "select 1,\n\"x\"")]) + writer.text([.sample()])
    let rows = text.components(separatedBy: "\r\n")
    #expect(rows.count == 4)
    #expect(rows[0].hasPrefix("at,kind,principal"))
    #expect(rows[1].contains("\"select 1,\n\"\"x\"\"\""))
    #expect(rows[2].split(separator: ",", omittingEmptySubsequences: false).count == 35)
    #expect(rows[0].split(separator: ",").count == 35)
  }

  @Test func jsonLinesCanBeReadBack() throws {
    var writer = StatementWriter(format: .jsonl, wide: false, terminal: terminal(nil))
    let item = StatementInfo.sample(sql: "select\n'\u{1B}[2J\u{9B}'")
    let text = try writer.text([item])
    #expect(text.hasSuffix("\n") && text.dropLast().contains("\n") == false)
    #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || !EscapedText.isUnsafe($0) })
    #expect(try JSONDecoder().decode(StatementInfo.self, from: Data(text.utf8)) == item)
  }
}

struct FollowedTrailTests {
  private func page(_ items: [StatementInfo], next: String? = nil) -> Page<StatementInfo> {
    Page(items: items, nextCursor: next)
  }

  @Test func showsEachRowOnceAndAgainWhenItEnds() {
    let running = StatementInfo.sample(record: "1/0/2", outcome: "unknown")
    var trail = FollowedTrail(
      filter: StatementFilter(connection: ["orders"]), after: "end",
      recent: [running, .sample(record: "1/0/1")])
    #expect(trail.filter.order == "oldest")
    #expect(trail.filter.cursor == "end")
    #expect(trail.filter.connection == ["orders"])
    #expect(trail.take(page([.sample(record: "1/0/1")], next: "c1")).isEmpty)
    let ended = StatementInfo.sample(record: "1/0/2")
    #expect(trail.take(page([ended], next: "c2")) == [ended])
    #expect(trail.filter.cursor == "c2")
    #expect(trail.take(page([])).isEmpty)
    #expect(trail.filter.cursor == "c2")
  }

  @Test func rowsOfTwoAgentsAreNotTakenForOneAnother() {
    var trail = FollowedTrail(filter: StatementFilter(), after: nil, recent: [.sample()])
    var other = StatementInfo.sample()
    other.agent = "b"
    #expect(trail.take(page([.sample(), other], next: "c1")) == [other])
  }

  @Test func filtersBecomeQueryItems() {
    let filter = StatementFilter(words: "delete orders", limit: 5)
    #expect(filter.queryItems.map(\.0) == ["words", "limit"])
    #expect(filter.queryItems.map(\.1) == ["delete orders", "5"])
  }
}

struct AuditArgumentsTests {
  @Test(arguments: [
    ["--follow", "--all"], ["--follow", "--until", "1h"], ["--follow", "--cursor", "x"],
    ["--limit", "0"], ["--since", "yesterday"], ["--format", "xml"],
  ])
  func refusesWhatDoesNotGoTogether(arguments: [String]) {
    #expect(throws: (any Error).self) { try AuditQuery.parse(arguments) }
  }

  @Test func grantsAreForOneOf() {
    let common = ["--connection", "c", "--role", "r"]
    #expect(throws: (any Error).self) { try AddGrant.parse(common) }
    #expect(throws: (any Error).self) {
      try AddGrant.parse(common + ["--group", "g", "--principal", "p"])
    }
    #expect(throws: Never.self) { try AddGrant.parse(common + ["--group", "g"]) }
  }
}
