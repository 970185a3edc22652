import APIModel
import Foundation
import Testing

@testable import sallyport

@Suite struct SessionTimelineTests {
  private static let session = SessionInfo(
    id: "s", openedAt: "2026-05-04T03:12:00.000Z", closedAt: "2026-05-04T03:13:00.000Z",
    closeReason: "client_terminated", principal: "alice@example.com", principalKind: "user",
    groups: [], connection: "orders", database: "shop", databaseRole: "app", agent: "a",
    clientAddress: "10.0.0.7:51234", applicationName: nil, statements: 9)

  private static func statement(_ number: Int?, at second: Int) -> StatementInfo {
    var item = StatementInfo.sample()
    item.statement = number
    item.at = "2026-05-04T03:12:\(second < 10 ? "0" : "")\(second).000Z"
    return item
  }

  private static func terminal(_ width: Int?) -> Terminal {
    Terminal(
      isTerminal: false, measuredWidth: nil,
      environment: width.map { ["COLUMNS": "\($0)"] } ?? [:])
  }

  @Test func asidesStandWhereTheyHappened() {
    var refusal = Self.statement(nil, at: 5)
    refusal.outcome = "refused"
    refusal.reason = "protocol"
    refusal.sql = nil
    let detail = SessionDetail(
      session: Self.session, statements: [], refusals: [refusal],
      events: [
        SessionEvent(
          kind: "cancel", at: "2026-05-04T03:12:03.000Z", statement: 2,
          clientAddress: "10.0.0.9:1", record: "1/0/3"),
        SessionEvent(
          kind: "loss", at: "2026-05-04T03:12:50.000Z", reason: "damaged", lostAtMost: 7,
          from: "2026-05-04T03:12:10Z", to: "2026-05-04T03:12:20Z", record: "1/0/9"),
      ])
    var timeline = SessionTimeline(detail: detail, terminal: Self.terminal(nil))
    var lines = timeline.lines([Self.statement(1, at: 1), Self.statement(2, at: 2)])
    lines += timeline.lines([Self.statement(3, at: 6), Self.statement(3, at: 7)])
    lines += timeline.end()
    let heads = lines.filter { !$0.isEmpty && !$0.hasPrefix(" ") }
    #expect(
      heads == [
        "+1.000s  #1  completed, SELECT 1, 1 row, 0.75 ms",
        "+2.000s  #2  completed, SELECT 1, 1 row, 0.75 ms",
        "+3.000s  cancel from 10.0.0.9:1 of #2",
        "+5.000s  refusal  refused protocol, SELECT 1, 1 row, 0.75 ms",
        "+6.000s  #3  completed, SELECT 1, 1 row, 0.75 ms",
        "+7.000s  #3  completed, SELECT 1, 1 row, 0.75 ms",
        "+50.000s  up to 7 records of this lane may be lost (damaged), "
          + "written between 2026-05-04 03:12:10 and 2026-05-04 03:12:20 UTC",
        "missing  no record of #4 to #9",
        "doubled  1 statements have the number of another",
        "+60.000s  end: client_terminated",
      ])
  }

  @Test func nothingIsMissingWhereNothingIs() {
    var session = Self.session
    session.statements = 2
    session.closedAt = nil
    var timeline = SessionTimeline(
      detail: SessionDetail(session: session, statements: []), terminal: Self.terminal(nil))
    _ = timeline.lines([Self.statement(1, at: 1), Self.statement(2, at: 2)])
    #expect(timeline.end() == ["", "open, or its end is not known yet"])
  }

  @Test(arguments: [30, 80]) func textsAreWrapped(width: Int) {
    var item = Self.statement(1, at: 1)
    item.sql = "select 東京, " + String(repeating: "column_name, ", count: 30) + "\nfrom t\u{1B}"
    var timeline = SessionTimeline(
      detail: SessionDetail(session: Self.session, statements: []),
      terminal: Self.terminal(width))
    let lines = timeline.lines([item]).dropFirst(2)
    for line in lines { #expect(DisplayWidth.of(line) <= width, "\(line)") }
    #expect(lines.last == "    from t\\u{1B}")
    #expect(lines.filter { $0.contains("column_name") }.count > 3)
  }

  @Test func whoActedForWhomIsTold() {
    let circumstances = SessionCircumstances(
      actors: [
        .init(subject: "bot", kind: "service", verified: false),
        .init(subject: "alice", kind: "user", verified: true),
      ], issuer: "idp", displayName: nil, tokenID: "t1", segment: "prod", clientTLS: "TLSv1.3",
      serverAddress: "db:5432", serverTLS: nil, grant: "g", bundleVersion: 4, closeMessage: nil,
      log: "1/0")
    let properties = Dictionary(
      SessionText.properties(Self.session, circumstances).compactMap { name, value in
        value.map { (name, $0) }
      }, uniquingKeysWith: { first, _ in first })
    #expect(properties["Acting"] == "bot (service, asserted) for alice (user, verified)")
    #expect(properties["Client"] == "10.0.0.7:51234 over TLSv1.3")
    #expect(properties["Server"] == "db:5432")
    #expect(properties["Let in by"] == "grant g, bundle version 4")
    #expect(properties["Agent"] == "a in segment prod, log 1/0")
    #expect(properties["Policy"] == nil && properties["May"] == nil)
  }

  @Test func whatThePolicyWasIsTold() {
    let circumstances = SessionCircumstances(
      actors: [], issuer: "idp", displayName: nil, tokenID: "t1", segment: "prod", clientTLS: nil,
      serverAddress: nil, serverTLS: nil, grant: "g", bundleVersion: 4, closeMessage: nil,
      log: "1/0", policyStale: true, readOnly: true)
    let properties = Dictionary(
      SessionText.properties(Self.session, circumstances).compactMap { name, value in
        value.map { (name, $0) }
      }, uniquingKeysWith: { first, _ in first })
    #expect(properties["Policy"]?.hasPrefix("stale") == true)
    #expect(properties["May"] == "read only")
    var item = Self.statement(1, at: 1)
    item.policyStale = true
    var timeline = SessionTimeline(
      detail: SessionDetail(session: Self.session, statements: []), terminal: Self.terminal(nil))
    #expect(timeline.lines([item]).contains("    by a policy that was stale"))
    #expect(!timeline.lines([Self.statement(2, at: 2)]).contains { $0.contains("stale") })
    #expect(StatementCSV.heading.contains(",policy_stale,record"))
    #expect(StatementCSV.row(item, escaped: false).contains(",true,"))
  }
}

@Suite struct WrappingTests {
  @Test(arguments: [
    ("abc", 5, ["abc"]), ("abcdef", 3, ["abc", "def"]), ("ab cd ef", 5, ["ab cd", "ef"]),
    ("abcd ef", 5, ["abcd", "ef"]), ("東京都", 4, ["東京", "都"]), ("", 4, [""]),
  ])
  func linesBreakAtSpaces(text: String, width: Int, lines: [String]) {
    let wrapped = DisplayWidth.wrapped(text, to: width)
    #expect(wrapped.map { $0.trimmingCharacters(in: .whitespaces) } == lines)
    for line in wrapped { #expect(DisplayWidth.of(line) <= width) }
  }
}

@Suite struct ExportFileTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "export-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  @Test func theFileIsThereWholeOrNotAtAll() throws {
    try withFolder { folder in
      let path = folder + "/a.csv"
      try Data("old".utf8).write(to: URL(filePath: path))
      let file = try ExportFile(path: path)
      try file.write("at,kind\r\n")
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
      try file.write("x\r\n")
      try file.finish()
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "at,kind\r\nx\r\n")
      #expect(file.bytes == 12)
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
      #expect((mode as? Int) == 0o600)
      let second = try ExportFile(path: path)
      try second.write("half")
      second.discard()
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.csv"])
    }
  }

  @Test func aFolderThatIsNotThereIsNamed() {
    #expect {
      _ = try ExportFile(path: "/nonexistent/a.csv")
    } throws: { error in
      (error as? CLIFailure)?.message.contains("/nonexistent/a.csv") == true
    }
  }
}

@Suite struct StatementFilterOptionsTests {
  @Test func everyOptionBecomesItsFilter() throws {
    let arguments = [
      "--principal", "a", "--principal", "b", "--actor", "c", "--root", "d", "--connection", "e",
      "--agent", "f", "--segment", "g", "--session", "h", "--words", "i", "--table", "j",
      "--command", "k", "--effect", "l", "--decision", "m", "--rule", "n", "--outcome", "o",
      "--rows-over", "7", "--digest", "p", "--sqlstate", "q",
    ]
    let items = try StatementFilterOptions.parse(arguments).filter.queryItems
    #expect(
      items.map(\.0) == [
        "principal", "principal", "actor", "root", "connection", "agent", "segment", "session",
        "words", "table", "command", "effect", "decision", "rule", "outcome", "rowsOver", "digest",
        "sqlstate",
      ])
    #expect(
      items.map(\.1)
        == [
          "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "7", "p", "q",
        ])
  }

  @Test func followersWaitForNewsOnceTheyHaveACursor() {
    var trail = FollowedTrail(filter: StatementFilter(), after: nil, recent: [])
    #expect(trail.filter.wait == nil)
    _ = trail.take(Page(items: [], nextCursor: "c"))
    #expect(trail.filter.wait == FollowedTrail.patience)
    #expect(FollowedTrail(filter: StatementFilter(), after: "x", recent: []).filter.wait != nil)
  }

  @Test func exportsAreNotFollowed() {
    #expect(throws: (any Error).self) { try AuditQuery.parse(["--follow", "--output", "x"]) }
    #expect(throws: Never.self) { try AuditQuery.parse(["--all", "--format", "json"]) }
  }
}
