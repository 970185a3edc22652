import GatewayModel
import NIOCore
import PostgresWire
import Synchronization
import Testing

@testable import SessionCore

/// A judge whose policy changes under a session.
final class ChangingJudge: StatementJudge {
  private let current = Mutex(ListedJudge())
  private let asked = Mutex(0)

  /// How many texts were parsed.
  var parsed: Int { asked.withLock { $0 } }

  func change(_ change: (inout ListedJudge) -> Void) { current.withLock { change(&$0) } }

  func facts(of text: ByteBuffer) -> StatementFacts {
    asked.withLock { $0 += 1 }
    return current.withLock { $0 }.facts(of: text)
  }

  func judge(_ facts: StatementFacts) -> StatementJudgement {
    current.withLock { $0 }.judge(facts)
  }
}

/// What becomes of statements that a judge refuses, limits and observes.
@Suite struct JudgementTests {
  private static let token = "sallyport:0123456789abcdeffedcba9876543210"

  @Test func aRefusedQueryNeverReachesTheServer() throws {
    var session = SessionHarness.ready(judge: ListedJudge(refused: ["drop"]))
    session.client(Client.query("drop table orders"), Client.query("select 1"))
    #expect(types(session.toServer) == "QQ")
    #expect(!String(buffer: session.toServer).contains("orders"))
    session.server(
      Server.error("42501", "x \(Self.token):1"), Server.ready(), Server.complete("SELECT 1"),
      Server.ready())
    #expect(session.outcomes == "1 refused, 2 completed")
    let shown = String(buffer: session.toClient)
    for part in ["C42501", "Mdrop is not for you", "Drule r", "HDo without."] {
      #expect(shown.contains(part), "\(part)")
    }
    let refusal = try #require(session.refusals.first)
    #expect(refusal.reason == .policy)
    #expect(refusal.rule == ListedJudge.rule)
    #expect(refusal.statement == StatementID(1))
    #expect(session.begins.map(\.rule) == [ListedJudge.rule, ListedJudge.rule])
    #expect(String(buffer: session.begins[0].text) == "drop table orders")
  }

  @Test func aRefusedParseFailsAtTheServer() {
    var session = SessionHarness.ready(judge: ListedJudge(refused: ["drop"]))
    session.client(
      Client.parse("s", "drop table orders"), Client.bind("", "s"), Client.execute(), Client.sync)
    #expect(types(session.toServer) == "PBES")
    #expect(!String(buffer: session.toServer).contains("orders"))
    session.server(Server.error("42703", "\(Self.token):1"), Server.ready())
    #expect(session.clientErrors == ["42501"])
    #expect(session.outcomes == "1 refused, 2 skipped")
  }

  /// What was prepared under one policy is executed under another.
  @Test func anExecuteIsJudgedByThePolicyOfItsMoment() {
    let judge = ChangingJudge()
    var session = SessionHarness.ready(judge: judge)
    let execute = all([Client.bind("", "s"), Client.execute(), Client.sync])
    session.client(Client.parse("s", "delete from orders"), execute)
    session.server(
      Server.parseComplete, Server.bindComplete, Server.complete("DELETE 1"), Server.ready())
    judge.change { $0.refused = ["delete"] }
    session.client(execute)
    #expect(types(session.toServer) == "PBESBES")
    session.server(
      Server.bindComplete, Server.error("34000", "portal \"\(Self.token):2\" does not exist"),
      Server.ready())
    #expect(session.clientErrors == ["42501"])
    judge.change { $0.refused = [] }
    session.client(execute)
    session.server(Server.bindComplete, Server.complete("DELETE 1"), Server.ready())
    #expect(session.outcomes == "1 completed, 2 refused, 3 completed")
    #expect(judge.parsed == 1)
    #expect(String(buffer: session.begins[1].text) == "delete from orders")
  }

  @Test func theUnnamedStatementWithItsTextIsNotParsedAnew() {
    let judge = ChangingJudge()
    var session = SessionHarness.ready(judge: judge)
    for _ in 0..<3 {
      session.client(
        Client.parse("", "select 1"), Client.bind(), Client.execute(), Client.sync)
      session.server(
        Server.parseComplete, Server.bindComplete, Server.complete("SELECT 1"), Server.ready())
    }
    session.client(Client.parse("", "select 2"), Client.sync)
    #expect(judge.parsed == 2)
  }

  /// PREPARE by SQL, and names that were made free by SQL, have no text here.
  @Test func whatHasNoTextIsOpaque() {
    var session = SessionHarness.ready(judge: ListedJudge(refused: ["prepared"]))
    session.client(Client.bind("", "made_by_sql"), Client.execute(), Client.sync)
    #expect(types(session.toServer) == "BES")
    session.server(Server.bindComplete, Server.error("34000", "\(Self.token):1"), Server.ready())
    #expect(session.clientErrors == ["42501"])
    #expect(session.outcomes == "1 refused")
  }

  /// FETCH runs what Bind gave a name, under the policy of its own moment.
  @Test func aFetchIsJudgedWithThePortalsOfTheProtocol() {
    let judge = ChangingJudge()
    var session = SessionHarness.ready(judge: judge)
    session.client(Client.query("begin"))
    session.server(Server.complete("BEGIN"), Server.ready(.inTransaction))
    session.client(
      Client.parse("s", "insert into orders values (1) returning 1"), Client.bind("po", "s"),
      Client.sync)
    session.server(Server.parseComplete, Server.bindComplete, Server.ready(.inTransaction))
    session.client(Client.query("fetch all from po"))
    session.server(Server.complete("FETCH 1"), Server.ready(.inTransaction))
    judge.change { $0.refused = ["insert"] }
    session.client(Client.query("fetch all from po"))
    #expect(session.refusals.map(\.reason) == [.policy])
    session.server(
      Server.error("42501", "x \(Self.token):3"), Server.ready(.failed))
    #expect(session.outcomes == "1 completed, 2 completed, 3 refused")
    // Without them it stands for itself.
    session.client(Client.query("rollback"))
    session.server(Server.complete("ROLLBACK"), Server.ready())
    session.client(Client.query("fetch all from c"))
    #expect(session.refusals.count == 1)
  }

  /// Nor does it help that no reply has come, or that the portal was forgotten.
  @Test func aFetchIsJudgedWithThePortalsThatMayBeThere() {
    let judge = ChangingJudge()
    var session = SessionHarness.ready(judge: judge)
    session.client(Client.query("begin"))
    session.server(Server.complete("BEGIN"), Server.ready(.inTransaction))
    session.client(
      Client.parse("s", "insert into orders values (1)"), Client.parse("t", "select 1"),
      Client.bind("po", "s"), Client.close(portal: "po"), Client.bind("po", "t"), Client.sync)
    judge.change { $0.refused = ["insert", "prepared"] }
    session.client(Client.query("fetch all from po"))
    #expect(session.refusals.count == 1)
    judge.change { $0.refused = ["prepared"] }
    session.client(Client.query("fetch all from po"))
    #expect(session.refusals.count == 1)
  }

  /// Too many to look at: then it is not known what a FETCH runs.
  @Test func aFetchAmongManyPortalsIsOpaque() {
    var session = SessionHarness.ready(judge: ListedJudge(refused: ["prepared"]))
    session.client(Client.parse("t", "select 1"))
    session.client(
      all((0..<64).map { Client.bind("p\($0)", "t") }), Client.query("fetch all from c"))
    #expect(session.refusals.isEmpty)
    session.client(Client.bind("p64", "t"), Client.query("fetch all from c"))
    #expect(session.refusals.count == 1)
  }

  /// A transaction that ended closes the portals of the protocol too: what SQL declares afterwards takes
  /// no place of theirs.
  @Test func aCursorOfALaterTransactionForgetsNoPortal() {
    var session = SessionHarness.ready(judge: ListedJudge(refused: ["prepared"]))
    session.client(Client.query("begin"), Client.query("commit"), Client.query("begin"))
    session.server(
      Server.complete("BEGIN"), Server.ready(.inTransaction), Server.complete("COMMIT"),
      Server.ready(), Server.complete("BEGIN"), Server.ready(.inTransaction))
    session.client(Client.parse("s", "select 1"), Client.bind("C_1", "s"), Client.sync)
    session.server(
      Server.parseComplete, Server.bindComplete, Server.ready(.inTransaction))
    session.client(Client.query("declare c cursor for select 1"))
    session.server(Server.complete("DECLARE CURSOR"), Server.ready(.inTransaction))
    session.client(Client.query("fetch 1 from c"))
    #expect(session.refusals.isEmpty)
  }

  /// A portal with a name can be run by FETCH, so it is judged as it is bound; one without when it is
  /// executed.
  @Test func aNamedPortalIsJudgedAtItsBind() {
    let judge = ChangingJudge()
    var session = SessionHarness.ready(judge: judge)
    session.client(Client.parse("s", "insert into orders values (1)"), Client.sync)
    session.server(Server.parseComplete, Server.ready())
    judge.change { $0.refused = ["insert"] }
    session.client(Client.bind("", "s"))
    #expect(session.refusals.isEmpty)
    session.client(Client.bind("po", "s"))
    #expect(session.refusals.map(\.reason) == [.policy])
  }

  @Test func aFunctionCallIsJudgedToo() {
    var session = SessionHarness(judge: ListedJudge(refused: ["code"]))
    session.logIn(allowingFunctionCalls: true)
    session.forget()
    session.client(Client.functionCall)
    #expect(types(session.toServer) == "Q")
    #expect(session.refusals.map(\.reason) == [.policy])
  }

  @Test func whatIsObservedStandsInTheBegin() {
    let observed = [ObservedDecision(policy: "p", rule: "later", verdict: "deny")]
    var session = SessionHarness.ready(judge: ListedJudge(refused: ["drop"], observed: observed))
    session.client(Client.query("select 1"), Client.query("drop table x"))
    #expect(session.begins.map(\.observed) == [observed, observed])
  }

  /// The narrower of connection and grant holds, and says which of them it is.
  @Test(
    arguments: [
      (nil, 2, 2, "Grant \"r\" of policy \"p\" allows 2 rows of one statement."),
      (3, 2, 2, "Grant \"r\" of policy \"p\" allows 2 rows of one statement."),
      (2, 3, 2, "Connection \"orders\" allows 2 rows of one statement."),
      (1, nil, 1, "Connection \"orders\" allows 1 row of one statement."),
    ] as [(Int?, Int?, Int, String)])
  func rowsAreLimitedByConnectionAndGrant(
    _ connection: Int?, _ grant: Int?, _ limit: Int, _ detail: String
  ) {
    var policy = StatementPolicy()
    policy.maximumRows = connection
    var session = SessionHarness.ready(policy: policy, judge: ListedJudge(maximumRows: grant))
    session.client(Client.query("select"))
    session.server(Server.rowDescription, Server.rows(4))
    #expect(session.toClient == all([Server.rowDescription, Server.rows(limit)]))
    #expect(session.refusals.map(\.detail) == [detail])
    #expect(session.refusals.map(\.rule.rule) == [detail.hasPrefix("Grant") ? "r" : ""])
    session.server(Server.error("57014"), Server.ready())
    #expect(session.outcomes == "1 refused")
    #expect(session.core.pipeline.rowLimits.isEmpty)
  }

  /// Each execution has the limit of its own moment, also in one pipeline.
  @Test func executionsHaveLimitsOfTheirOwn() {
    let judge = ChangingJudge()
    var session = SessionHarness.ready(judge: judge)
    session.client(Client.query("select"))
    judge.change { $0.maximumRows = 1 }
    session.client(Client.query("select"))
    let first = all([Server.rows(3), Server.complete("SELECT 3"), Server.ready()])
    session.server(first)
    #expect(session.toClient == first)
    session.server(Server.rows(3), Server.error("57014"), Server.ready())
    #expect(session.outcomes == "1 completed, 2 refused")
  }

  @Test func aGrantImposesSettingsOnTheServerLeg() throws {
    var session = SessionHarness()
    session.client(
      Client.startup([
        ("Default_Transaction_Read_Only", "off"), ("statement_timeout", "0"), ("TimeZone", "UTC"),
      ]), Client.password("token"))
    var grant = SessionHarness.grant()
    grant.serverSettings = [
      ServerSetting(name: "default_transaction_read_only", value: "on"),
      ServerSetting(name: "statement_timeout", value: "15000ms"),
    ]
    session.send(.loginVerdict(.granted(grant, ServerCredential(password: nil))))
    session.send(.serverConnected(SessionHarness.connected()))
    guard case .startup(let message)? = try StartupPacket.next(in: &session.toServer) else {
      Issue.record("no startup message")
      return
    }
    let asked = message.parameters.map { "\($0.name)=\($0.value)" }
    #expect(asked.contains("TimeZone=UTC"))
    #expect(asked.contains("default_transaction_read_only=on"))
    #expect(asked.contains("statement_timeout=15000ms"))
    #expect(asked.count { $0.lowercased().hasPrefix("default_transaction_read_only") } == 1)
    #expect(asked.count { $0.lowercased().hasPrefix("statement_timeout") } == 1)
  }

  @Test(arguments: [(nil, 5, 5), (9, 5, 5), (5, 9, 5)] as [(Int?, Int, Int)])
  func aGrantNarrowsTheIdleTime(_ agent: Int?, _ granted: Int, _ seconds: Int) {
    var limits = SessionLimits()
    limits.idleTimeout = agent.map { .seconds($0) }
    var grant = SessionHarness.grant()
    grant.idleTimeout = .seconds(granted)
    limits.take(grant)
    #expect(limits.idleTimeout == .seconds(seconds))
  }

  @Test(arguments: [(20_000, 20_000), (1 << 30, 1 << 20), (1, 10_000)])
  func aGrantNarrowsTheLengthOfStatements(_ granted: Int, _ bytes: Int) {
    var limits = SessionLimits()
    limits.setMaximumStatementBytes(1 << 20)
    var grant = SessionHarness.grant()
    grant.maximumStatementBytes = granted
    limits.take(grant)
    #expect(limits.maximumStatementBytes == bytes)
  }
}
