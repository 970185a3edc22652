import APIModel
import ArgumentParser
import Foundation
import PolicyDocuments
import PolicyEngine
import Testing

@testable import sallyport

struct PolicyTests {
  private static func folder(_ files: [String: String]) throws -> String {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "policies-\(UInt64.random(in: 0 ... .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, text) in files {
      try Data(text.utf8).write(to: folder.appending(path: name))
    }
    return folder.path
  }

  private static let orders = """
    policy: orders
    grants:
      - { name: readers, to: { groups: [analysts] }, role: app, effects: [read], max_rows: 5 }
    rules:
      - { name: no-status, deny: { columns: [orders.status] } }

    """

  // MARK: Files

  @Test func aFolderGivesItsFilesInOrderAndTestsApart() throws {
    let folder = try Self.folder([
      "b.yaml": "b", "a.yml": "a", "a.test.yaml": "t", "notes.md": "n", ".hidden.yaml": "h",
    ])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let files = try PolicyFiles([folder])
    #expect(files.policies.map(\.text) == ["a", "b"])
    #expect(files.tests.map(\.path) == ["\(folder)/a.test.yaml"])
    let named = try PolicyFiles(["\(folder)/notes.md", "\(folder)/a.yml"])
    #expect(named.policies.map(\.text) == ["n", "a"])
  }

  @Test func whatCannotBeReadIsNamed() throws {
    let missing = #expect(throws: CLIFailure.self) { try PolicyFiles(["/nowhere/p.yaml"]) }
    #expect(missing?.message.contains("/nowhere/p.yaml") == true)
    let folder = try Self.folder(["p.yaml": "policy: p\nrulez: []\n"])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data([0xFF, 0xFE]).write(to: URL(fileURLWithPath: "\(folder)/q.yaml"))
    let encoding = #expect(throws: CLIFailure.self) { try PolicyFiles([folder]) }
    #expect(encoding?.message.contains("not UTF-8") == true)
    let wrong = #expect(throws: CLIFailure.self) {
      try PolicyFiles(["\(folder)/p.yaml"]).reading()
    }
    #expect(wrong?.details.first?.hasPrefix("\(folder)/p.yaml:2:1: error: ") == true)
    #expect(wrong?.details.first?.contains(" — ") == true)
    #expect(wrong?.lines(colour: false).count == (wrong?.details.count ?? 0) + 2)
    let empty = try Self.folder([:])
    defer { try? FileManager.default.removeItem(atPath: empty) }
    #expect(throws: CLIFailure.self) { try PolicyFiles([empty]).reading() }
  }

  @Test func whatTheServerFindsIsToldAsWhatIsFoundHere() throws {
    let body = APIErrorBody(
      code: "invalid", message: "no", remedy: "mend",
      diagnostics: [
        PolicyDiagnostic(
          severity: "error", file: "a\u{1B}.yaml", line: 3, column: 7, message: "wrong",
          remedy: "right")
      ])
    let server = try ServerAddress("https://localhost:1", named: "--server")
    let failure = APIClient.refusal(
      status: 400, answer: try JSONEncoder().encode(body), server: server)
    #expect(failure.details == ["a\\u{1B}.yaml:3:7: error: wrong — right"])
    #expect(failure.lines(colour: false).last == "→ mend")
  }

  // MARK: Arguments

  @Test func argumentsThatMakeNoSenseAreRefused() {
    for arguments in [
      ["diff"], ["diff", "f", "--from", "1"], ["apply"], ["history", "--limit", "0"],
      ["replay", "f"], ["explain", "--as", "a", "--connection", "c"],
      ["explain", "--as", "a", "--connection", "c", "--kind", "robot", "select 1"],
      ["explain", "--as", "a", "--connection", "c", "--label", "env", "select 1"],
      ["explain", "--as", "a", "--connection", "c", "--actor", "bot", "select 1"],
    ] {
      #expect(throws: (any Error).self, "\(arguments)") {
        _ = try Sallyport.parseAsRoot(["policy"] + arguments)
      }
    }
  }

  // MARK: Words

  @Test func anOutcomeSaysWhatIsInForce() {
    func summary(_ version: Int, isNew: Bool, items: Int, dryRun: Bool = false) -> String {
      let item = PolicyChanges.Item(
        change: "added", part: "policy", policy: "p", name: "", keys: [])
      return PolicyOutcomeText.summary(
        PolicyOutcome(
          version: version, isNew: isNew,
          difference: PolicyChanges(items: Array(repeating: item, count: items)),
          diagnostics: []), dryRun: dryRun)
    }
    #expect(summary(3, isNew: true, items: 1) == "Version 3 is in force.")
    #expect(summary(3, isNew: false, items: 0) == "Nothing changes; version 3 is in force.")
    #expect(summary(4, isNew: true, items: 0).hasPrefix("Version 4 is in force. What it says is"))
    #expect(
      summary(0, isNew: false, items: 2, dryRun: true)
        == "Nothing was changed (--dry-run); nothing is in force.")
  }

  @Test func differencesOfTheServerReadAsThoseOfFiles() throws {
    let changes = PolicyChanges(items: [
      .init(
        change: "changed", part: "grant", policy: "orders", name: "readers",
        keys: [.init(name: "effects", from: "[read]", to: "[read, write]")])
    ])
    #expect(
      try PolicyOutcomeText.text(changes)
        == "~ grant orders/readers\n    effects: [read] -> [read, write]")
  }

  @Test func theLintOfNothingFails() async throws {
    let folder = try Self.folder(["a.test.yaml": "cases: []\n", "notes.md": "n"])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let lint = try #require(
      try Sallyport.parseAsRoot(["policy", "lint", folder, "--offline"]) as? LintPolicies)
    let failure = await #expect(throws: CLIFailure.self) { try await lint.perform() }
    #expect(failure?.message == "there are no policies in what was named")
  }

  @Test func theLintCountsWhatItFinds() {
    #expect(
      LintPolicies.summary(policies: 1, errors: 0, all: 1) == "1 policy, 0 errors, 1 warning")
    #expect(
      LintPolicies.summary(policies: 2, errors: 1, all: 3) == "2 policies, 1 error, 2 warnings")
  }

  // MARK: Replay

  private static func statement(
    _ sql: String?, outcome: String = "completed", reason: String? = nil, rows: Int? = 1,
    groups: [String] = ["analysts"], session: String? = "s1"
  ) -> StatementInfo {
    StatementInfo(
      kind: outcome == "refused" ? "refusal" : "statement", at: "2026-05-04T10:00:00.000Z",
      session: session, statement: sql == nil ? nil : 1, principal: "alice",
      principalKind: "user", groups: groups, actors: [], connection: "orders", database: "d",
      databaseRole: "app", agent: "a1", clientAddress: "10.0.0.1:5000", applicationName: "psql",
      sql: sql, digest: sql, parameters: [], outcome: outcome, sqlstate: nil, message: nil,
      reason: reason, commandTag: nil, rows: rows, serverMilliseconds: nil,
      totalMilliseconds: nil, rule: nil, bundleVersion: 1, record: "1/0/7")
  }

  private static func replay(
    _ items: [StatementInfo], limit: Int = 10, policy: String = orders
  ) throws -> PolicyReplay {
    let reading = PolicyReading([SourceFile(path: "p", text: policy)])
    try #require(reading.isUsable)
    var replay = PolicyReplay(
      PolicySet(reading.documents.map(\.document)),
      connections: ["orders": ReplayedConnection(labels: [:], maximumRows: 7)], limit: limit)
    for item in items { replay.take(item) }
    return replay
  }

  @Test func aReplaySaysWhatWouldBeOtherwise() throws {
    let replay = try Self.replay([
      Self.statement("select id from orders"),
      Self.statement("select status from orders"),
      Self.statement("select status from orders", outcome: "refused", reason: "policy"),
      Self.statement("delete from orders"),
      Self.statement("select id from orders where true", outcome: "refused", reason: "policy"),
      Self.statement("select id from lines", rows: 6),
    ])
    #expect(replay.judged == 6 && replay.otherwise == 4)
    #expect(replay.differences.map(\.was) == ["allowed", "allowed", "refused", "allowed"])
    #expect(replay.differences.map(\.decision) == ["deny", "deny", "allow", "row_limit"])
    #expect(
      replay.differences.map(\.rule)
        == ["orders/no-status", "", "orders/readers", "orders/readers"])
    #expect(
      replay.summary.first
        == .init(decision: "allow", rule: "orders/readers", statements: 2, otherwise: 1))
    #expect(replay.summary.map(\.statements).reduce(0, +) == 6)
    #expect(ReplayText.closing(replay) == "6 judged, 4 would have been decided otherwise")
  }

  @Test func rowsThatWereRefusedAreRefusedAgain() throws {
    func refused(_ rows: Int) -> StatementInfo {
      Self.statement("select id from lines", outcome: "refused", reason: "row_limit", rows: rows)
    }
    // The grant allows five, and the records have what passed; the connection allows seven.
    let same = try Self.replay([refused(5), refused(7), Self.statement("select 1", rows: 5)])
    #expect(same.otherwise == 0 && same.judged == 2 && same.otherReasons == 1)
    #expect(same.summary.map(\.decision) == ["allow", "row_limit"])
    let wider = Self.orders.replacing("max_rows: 5", with: "max_rows: 6")
    #expect(try Self.replay([refused(5)], policy: wider).differences.map(\.was) == ["refused"])
  }

  @Test func aTextThatNoMessageHasRoomForIsRefused() throws {
    let narrow = Self.orders.replacing("max_rows: 5", with: "max_statement_bytes: 65536")
    func statement(_ length: Int) -> StatementInfo {
      Self.statement("select 1 /*" + String(repeating: "x", count: length - 13) + "*/")
    }
    let replay = try Self.replay([statement(65_531), statement(65_532)], policy: narrow)
    #expect(replay.differences.map(\.decision) == ["too_large"])
    #expect(replay.differences.first?.sql?.utf8.count == 65_532)
  }

  @Test func whatCannotBeJudgedIsCounted() throws {
    let replay = try Self.replay(
      [
        Self.statement(nil, outcome: "refused", reason: "token_expired", session: nil),
        Self.statement("copy t from stdin", outcome: "refused", reason: "too_large"),
        {
          var item = Self.statement("x")
          item.sql = nil
          return item
        }(),
        {
          var item = Self.statement(nil, outcome: "refused", reason: "no_grant", session: nil)
          item.digest = nil
          return item
        }(),
        Self.statement("select 1", groups: ["others"], session: "s2"),
      ], limit: 1)
    #expect(replay.otherReasons == 2 && replay.withoutText == 1 && replay.judged == 2)
    // An entry that would be let in, and a session that would not.
    #expect(replay.otherwise == 2 && replay.differences.count == 1)
    #expect(replay.summary.map(\.decision).sorted() == ["allow", "entry_denied"])
    let closing = ReplayText.closing(replay)
    #expect(closing.contains("the newest 1 are shown"))
    #expect(closing.contains("1 without their text"))
    #expect(closing.contains("2 were refused for other reasons"))
  }
}
