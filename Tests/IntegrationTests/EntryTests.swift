import Foundation
import TestSupport
import Testing

/// Who gets in, and what the one who does not is told.
///
/// The client sees one wording for every refused login; the record has the reason.
@Suite(.serialized) struct EntryTests {
  static let fleet = SharedFleet()

  private func refusal(
    _ fleet: Fleet, subject: String, reason: String
  ) async throws {
    try await eventually("a refusal record with reason \(reason)") {
      try await fleet.statements(["--outcome", "refused"]).contains {
        $0.kind == "refusal" && $0.reason == reason
          && (subject.isEmpty || $0.principal == subject)
      }
    }
  }

  /// What psql prints of a refused login, without the address it connected to and the names that
  /// the client itself gave.
  private func message(_ outcome: Outcome) throws -> String {
    let line = try #require(outcome.errors.split(separator: "FATAL:").last)
    return String(line).replacing(/"[^"]*"/, with: "…")
  }

  @Test func analystReadsAndTheStatementIsFound() async throws {
    let fleet = try await Self.fleet.get()
    let token = try await fleet.token("alice@example.com", groups: "analysts")
    let outcome = try await fleet.psql(
      "select count(*) from orders where status = 'open' /* first */;", token: token)
    #expect(outcome.succeeded, "\(outcome.errors)")
    #expect(outcome.output == "10000\n")
    try await eventually("the statement in the audit trail") {
      try await fleet.statements(["--words", "first orders"]).contains {
        $0.outcome == "completed"
      }
    }
    let statement = try #require(try await fleet.statements(["--words", "first orders"]).first)
    #expect(statement.principal == "alice@example.com")
    #expect(statement.groups == ["analysts"])
    #expect(statement.connection == "shop")
    #expect(statement.database == "shop")
    #expect(statement.databaseRole == "readonly")
    #expect(statement.rows == 1)
    #expect(statement.commandTag == "SELECT 1")
    #expect(statement.applicationName == "psql")
    #expect(statement.clientAddress?.hasPrefix("127.0.0.1") == true)
    #expect((statement.serverMilliseconds ?? -1) >= 0)
  }

  @Test func everyRefusedLoginHasOneWordingAndItsReasonIsInTheRecord() async throws {
    let fleet = try await Self.fleet.get()
    let good = try await fleet.token("carol@example.com", groups: "analysts")
    let noGrant = try await fleet.token("dave@example.com")
    let elsewhere = try await fleet.token(
      "erin@example.com", groups: "analysts", connections: ["shop-app"])
    let nowhere = try await fleet.token(
      "frank@example.com", groups: "analysts", connections: ["shop", "shop-app"])
    let short = try await fleet.token(
      "grace@example.com", groups: "analysts", lifetime: "1s")
    let forged = good.dropLast(8) + "AAAAAAAA"
    try await eventually("the short token's end") {
      try await !fleet.psql("select 1", token: short).succeeded
    }
    let outcomes = [
      try await fleet.psql("select 1", token: "nonsense"),
      try await fleet.psql("select 1", token: String(forged)),
      try await fleet.psql("select 1", token: short),
      try await fleet.psql("select 1", token: elsewhere),
      try await fleet.psql("select 1", token: nowhere, connection: "no-such-connection"),
      try await fleet.psql("select 1", token: noGrant),
    ]
    let messages = Set(try outcomes.map { try message($0) })
    #expect(messages.count == 1, "\(messages)")
    #expect(outcomes.allSatisfy { $0.exit == .code(2) })
    for (subject, reason) in [
      ("", "token_malformed"), ("", "token_signature"), ("grace@example.com", "token_expired"),
      ("erin@example.com", "token_audience"), ("dave@example.com", "no_grant"),
      ("", "no_such_connection"),
    ] {
      try await refusal(fleet, subject: subject, reason: reason)
    }
  }

  @Test func plaintextClientIsRefusedByName() async throws {
    let fleet = try await Self.fleet.get()
    let token = try await fleet.token("alice@example.com", groups: "analysts")
    let outcome = try await fleet.psql(
      "select 1", token: token, environment: ["PGSSLMODE": "disable"])
    #expect(!outcome.succeeded)
    #expect(outcome.errors.contains("TLS"), "\(outcome.errors)")
    try await refusal(fleet, subject: "", reason: "plaintext_client")
  }

  @Test func roleThatIsNotGrantedIsRefused() async throws {
    let fleet = try await Self.fleet.get()
    let token = try await fleet.token("alice@example.com", groups: "analysts")
    let outcome = try await fleet.psql("select 1", token: token, user: "postgres")
    #expect(!outcome.succeeded)
    try await refusal(fleet, subject: "alice@example.com", reason: "role_not_granted")
  }

  @Test func tokenThatExpiresEndsTheSessionAtTheNextStatement() async throws {
    let fleet = try await Self.fleet.get()
    let token = try await fleet.token("heidi@example.com", groups: "analysts", lifetime: "2s")
    let outcome = try await fleet.psql(
      "select 'before' as mark;\n\\! sleep 3\nselect 'after' as mark;", token: token)
    #expect(outcome.output.contains("before"))
    #expect(!outcome.output.contains("after"))
    #expect(outcome.errors.contains("token"), "\(outcome.errors)")
  }

  @Test func connectionAddedNowIsUsableWithinTwoSeconds() async throws {
    let fleet = try await Self.fleet.get()
    try await fleet.addConnection("late", role: "readonly", password: Fleet.readonlyPassword)
    let token = try await fleet.token(
      "alice@example.com", groups: "analysts", connections: ["late"])
    try await fleet.cli(
      ["grants", "add", "--group", "analysts", "--connection", "late", "--role", "readonly"])
    let added = ContinuousClock.now
    try await eventually("entry to the new connection", within: .seconds(5)) {
      try await fleet.psql("select 1", token: token, connection: "late").succeeded
    }
    #expect(ContinuousClock.now - added < .seconds(2))
  }

  @Test func grantTakenAwayEndsEntry() async throws {
    let fleet = try await Self.fleet.get()
    try await fleet.cli([
      "grants", "add", "--principal", "ivan@example.com", "--connection", "shop", "--role",
      "readonly", "--name", "ivan-shop",
    ])
    let token = try await fleet.token("ivan@example.com")
    try await eventually("entry by the new grant") {
      try await fleet.psql("select 1", token: token).succeeded
    }
    try await fleet.cli(["grants", "remove", "ivan-shop"])
    try await eventually("no entry without the grant") {
      try await !fleet.psql("select 1", token: token).succeeded
    }
  }
}

/// One fleet for the tests of a suite, started by the first that asks.
actor SharedFleet {
  private var task: Task<Fleet, any Error>?

  func get() async throws -> Fleet {
    if let task { return try await task.value }
    let task = Task { try await Fleet() }
    self.task = task
    return try await task.value
  }
}
