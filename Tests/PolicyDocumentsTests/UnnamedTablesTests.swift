import GatewayModel
import PolicyEngine
import StatementAnalysis
import Testing

@testable import PolicyDocuments

/// Statements that reach tables which they do not name.
@Suite struct UnnamedTablesTests {
  private static func decide(_ policy: String, _ sql: String) throws -> PolicyDecision {
    let reading = PolicyReading([SourceFile(path: "p.yaml", text: policy)])
    try #require(reading.isUsable, "\(reading.diagnostics)")
    let principal = Principal(issuer: "t", subject: "ana", groups: ["x"])
    let at = WallTime(unixNanoseconds: 1_767_614_400_000_000_000)
    let request = EntryRequest(
      principal: principal, actors: ActorChain(principal: principal), connection: "orders",
      clientAddress: "10.0.0.1:5", at: at)
    return PolicySet(reading.documents.map(\.document)).session(request, role: "app")
      .decide(StatementAnalysis.facts(of: sql), at: at)
  }

  private static func policy(_ grant: String, _ rule: String? = nil) -> String {
    """
    policy: p
    grants: [{ name: g, to: { groups: [x] }, role: app, \(grant) }]
    \(rule.map { "rules: [{ name: r, \($0) }]" } ?? "")
    """
  }

  /// Of each: whether it can reach a table of which only rows, and of which anything, is refused.
  static let statements: [(sql: String, writes: Bool, tables: Bool)] = [
    ("TRUNCATE customers CASCADE", true, true), ("TRUNCATE public.customers", false, false),
    ("DROP SCHEMA public CASCADE", false, true), ("DROP OWNED BY app", false, true),
    ("DROP TABLE public.customers CASCADE", false, true),
    ("ALTER TABLE public.customers DROP COLUMN id CASCADE", false, true),
    ("GRANT SELECT ON ALL TABLES IN SCHEMA public TO x", false, true),
    ("REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM x", false, true),
    ("CREATE PUBLICATION x FOR ALL TABLES", false, true),
    ("ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b", false, true),
    ("VACUUM public.customers", false, false), ("VACUUM public.orders", false, true),
    ("GRANT SELECT ON public.customers TO x", false, false),
    ("REINDEX TABLE public.customers", false, false),
    ("VACUUM FULL", false, true), ("CLUSTER", false, true), ("ANALYZE", false, true),
    ("REINDEX INDEX orders_pkey", false, true), ("DROP INDEX public.orders_pkey", false, true),
    ("SELECT app.purge()", true, true), ("SELECT setval('public.s', 1)", true, true),
    ("SELECT lo_put(1, 0, 'x')", true, true), ("SELECT lo_get(1)", false, true),
    ("SELECT brin_summarize_range('i', 1)", true, true),
    ("SELECT app.reader(1) FROM public.customers", false, false),
    ("SELECT nextval('public.s')", false, false), ("SELECT now()", false, false),
    ("CREATE VIEW public.v AS SELECT app.purge()", false, false),
    ("CREATE ROLE x", false, false), ("CREATE SCHEMA x", false, false),
    ("CHECKPOINT", false, false),
    ("ALTER TABLE public.customers ADD COLUMN x int", false, false),
    ("SELECT pg_terminate_backend(1)", false, false),
    ("SELECT * FROM public.customers", false, false),
    ("PREPARE p AS SELECT 1; CREATE TABLE public.t (a int)", false, false),
    ("DISCARD ALL", false, false), ("BEGIN", false, false), ("SET work_mem = '1MB'", false, false),
    ("UPDATE public.customers SET id = 1", false, false),
  ]

  @Test(arguments: statements)
  func ruleThatRefusesByTableRefusesWhatCanReachIt(
    sql: String, writes: Bool, tables: Bool
  ) throws {
    let all = """
      effects: [read, write, ddl, privilege, session, program, unknown, maintenance, lock], \
      functions: [app.reader]
      """
    for (key, isRefused) in [("tables", tables), ("writes", writes)] {
      let decision = try Self.decide(
        Self.policy(all, "deny: { \(key): [public.orders] }"), sql)
      #expect((decision.verdict == .deny) == isRefused, "\(key)")
      #expect(decision.rule == (isRefused ? "r" : "g"))
    }
    #expect(try Self.decide(Self.policy(all), sql).verdict == .allow)
  }

  @Test(arguments: [
    ("SELECT setval('public.invoices_id_seq', 1)", false), ("SELECT lo_put(1, 0, 'x')", false),
    ("SELECT lo_get(1)", false), ("SELECT loread(1, 1) FROM public.orders", false),
    ("SELECT lo_unlink(1) FROM public.orders", false), ("SELECT app.f()", false),
    ("TRUNCATE public.orders CASCADE", false), ("VACUUM", false), ("VACUUM public.orders", true),
    ("REINDEX INDEX public.orders", false), ("SELECT nextval('public.s')", true),
    ("TRUNCATE public.orders", true), ("SELECT lower(x) FROM public.orders", true),
    ("SELECT app.reader(x) FROM public.orders", true),
    ("INSERT INTO public.orders VALUES (nextval('s'), currval('s'))", true),
  ])
  func grantOfTablesCoversNothingElse(sql: String, isCovered: Bool) throws {
    let grant =
      "effects: [read, write, unknown, maintenance], tables: [public.orders], functions: [app.reader]"
    #expect((try Self.decide(Self.policy(grant), sql).verdict == .allow) == isCovered)
  }

  @Test(arguments: [
    ("effects: [program], functions: [pg_read_file]", "SELECT pg_read_file('x')", true),
    ("effects: [program], functions: [pg_read_file]", "SELECT pg_ls_dir('x')", false),
    (
      "effects: [program], functions: [pg_read_file]", "SELECT pg_read_file('x'), pg_ls_dir('x')",
      false
    ),
    ("effects: [unknown, write], functions: [\"app.*\"]", "SELECT app.f()", true),
    (
      "effects: [unknown, write], functions: [\"app.*\"]", "SELECT app.f(), setval('public.s', 1)",
      false
    ),
    ("effects: [unknown], functions: [\"app.*\"]", "SELECT app.f(), pg_notify('a', 'b')", true),
    (
      "effects: [session], functions: [set_config], settings: [role]",
      "SELECT set_config('role', 'x', false)", true
    ),
    ("effects: [write], functions: [setval]", "SELECT setval('s', 1), app.f()", false),
    ("effects: [write], functions: [nextval]", "SELECT nextval('s')", true),
    ("effects: [write], functions: [nextval]", "UPDATE orders SET id = nextval('s')", false),
    (
      "effects: [write], functions: [nextval]",
      "WITH x AS (DELETE FROM orders RETURNING 1) SELECT nextval('s') FROM x", false
    ),
    (
      "effects: [program], functions: [pg_read_file]",
      "COPY (SELECT pg_read_file('x')) TO PROGRAM 'sh'", false
    ),
    (
      "effects: [write, lock], functions: [setval]", "SELECT setval('s', 1) FROM t FOR UPDATE",
      false
    ),
  ])
  func functionsThatARuleAllowsAreAllThatDoSuchThings(rule: String, sql: String, isAllowed: Bool)
    throws
  {
    let policy = Self.policy("effects: [read]", "allow: { \(rule) }")
    #expect((try Self.decide(policy, sql).verdict == .allow) == isAllowed)
  }

  @Test func explanationSaysWhyARuleIsAboutATableThatIsNotNamed() throws {
    let text = Self.policy("effects: [all]", "deny: { tables: [public.orders] }")
    let reading = PolicyReading([SourceFile(path: "p.yaml", text: text)])
    let principal = Principal(issuer: "t", subject: "ana", groups: ["x"])
    let at = WallTime(unixNanoseconds: 0)
    let session = PolicySet(reading.documents.map(\.document)).session(
      EntryRequest(
        principal: principal, actors: ActorChain(principal: principal), connection: "orders",
        clientAddress: "10.0.0.1:5", at: at), role: "app")
    func reason(_ sql: String) -> String? {
      session.explain(StatementAnalysis.facts(of: sql), at: at).steps.first { $0.name == "r" }?
        .reason
    }
    #expect(
      reason("VACUUM") == "it matches: the statement can reach tables that it does not name")
    #expect(reason("SELECT * FROM orders") == "it matches")
  }
}
