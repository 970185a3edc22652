import AuditLog
import Foundation
import GatewayModel
import PolicyEngine
import PostgresWire
import TestSupport
import Testing

@testable import SessionEngine

/// What policy documents do to real clients at a real server.
@Suite struct PolicyTests {
  /// A gateway that judges by these documents, written as in bundles.
  private func serving(_ json: String) async throws -> (GatewayRig, Database) {
    let (rig, database) = try await GatewayRig.serving()
    await rig.apply(
      [try database.connection(agent: rig.agent)], policies: try Self.documents(json), version: 2)
    return (rig, database)
  }

  static func documents(_ json: String) throws -> [PolicyDocument] {
    try JSONDecoder().decode([PolicyDocument].self, from: Data(json.utf8))
  }

  private static let readers = """
    [{"policy": "orders", "on": {"connections": ["orders"]}, "grants": [
      {"name": "analysts", "to": {"groups": ["analysts"]}, "role": "app", "effects": ["read"]}]}]
    """

  @Test func aRefusedStatementSaysRuleMessageAndHint() async throws {
    let (rig, database) = try await serving(
      """
      [{"policy": "orders", "grants": [
        {"name": "all", "to": {"groups": ["analysts"]}, "role": "app", "effects": ["all"]}],
       "rules": [{"name": "no-ddl", "deny": {"effects": ["ddl"]}, "hint": "Open a migration.",
        "message": "Schema changes go through migrations."}]}]
      """)
    let outcome = try await rig.psql(
      """
      CREATE /* hidden */ TABLE policy_refused (id int);
      SELECT 'goes on';
      BEGIN; SELECT 1; DROP TABLE IF EXISTS policy_refused; SELECT 2; ROLLBACK;
      SELECT 'and on';
      """)
    for part in [
      "ERROR:  42501: Schema changes go through migrations.",
      "DETAIL:  Rule \"no-ddl\" of policy \"orders\", bundle 2.", "HINT:  Open a migration.",
      "25P02",
    ] {
      #expect(outcome.errors.contains(part), "\(part) is not in \(outcome.errors)")
    }
    #expect(outcome.output == "goes on\n1\nand on\n")
    #expect(
      try await database.cluster.sql(
        "SELECT count(*) FROM pg_class WHERE relname = 'policy_refused'", database: "shop") == "0")
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    let refusal = try #require(records.refusals.first)
    #expect(refusal.reason == "policy" && refusal.policy == "orders" && refusal.rule == "no-ddl")
    #expect(refusal.bundleVersion == 2 && refusal.bundleHash.count == 32)
    let begin = try #require(records.begins.first { $0.statement == refusal.statement })
    #expect(begin.rule == "no-ddl" && begin.policy == "orders" && begin.bundleVersion == 2)
    let passed = try #require(records.begins.first { $0.statement == StatementID(2) })
    #expect(passed.rule == "all" && passed.policy == "orders")
    await rig.end()
  }

  /// What the text hides the server refuses, since its transactions are read-only.
  @Test func aReaderCannotWriteByAnyWay() async throws {
    let (rig, database) = try await serving(Self.readers)
    try await database.cluster.sql(
      """
      CREATE TABLE IF NOT EXISTS policy_kept (id int);
      CREATE OR REPLACE FUNCTION policy_write() RETURNS int LANGUAGE plpgsql AS
        'BEGIN INSERT INTO policy_kept VALUES (1); RETURN 1; END';
      CREATE OR REPLACE VIEW policy_view AS SELECT policy_write();
      GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
      """, database: "shop")
    let refused = [
      "INSERT INTO policy_kept VALUES (1)",
      "WITH x AS (DELETE FROM policy_kept RETURNING 1) TABLE x",
      "SELECT policy_write()", "EXPLAIN ANALYZE INSERT INTO policy_kept VALUES (1)",
      "DO $$BEGIN PERFORM policy_write(); END$$", "COPY policy_kept FROM STDIN",
      "SET default_transaction_read_only = off", "BEGIN READ WRITE",
      "SELECT set_config('transaction_read_only', 'off', false)", "SET ROLE postgres",
      "CREATE TEMP TABLE t (id int)", "SELECT nextval('x')", "TABLE policy_kept FOR UPDATE",
      "PREPARE p AS INSERT INTO policy_kept VALUES (1)", "EXECUTE p",
      "MERGE into policy_kept using",
    ]
    let (client, _) = try await rig.client()
    for sql in refused {
      #expect(try await client.query(sql).sqlStates == ["42501"], "\(sql)")
    }
    // The view's text says only that it is read.
    #expect(try await client.query("TABLE policy_view").sqlStates == ["25006"])
    #expect(try await client.query("SELECT count(*) FROM policy_kept").sqlStates.isEmpty)
    for allowed in ["BEGIN", "SET LOCAL work_mem = '4MB'", "SHOW work_mem", "COMMIT", ""] {
      #expect(try await client.query(allowed).sqlStates.isEmpty, "\(allowed)")
    }
    #expect(
      try await database.cluster.sql("SELECT count(*) FROM policy_kept", database: "shop") == "0")
    try await client.terminate()
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.opens.map(\.isReadOnly) == [true])
    #expect(records.refusals.count == refused.count)
    await rig.end()
  }

  @Test func theServersTimeoutIsThatOfTheGrant() async throws {
    let (rig, _) = try await serving(
      """
      [{"policy": "orders", "grants": [{"name": "g", "to": {"groups": ["analysts"]}, "role": "app",
        "effects": ["all"], "statement_timeout": "100ms", "max_statement_bytes": 20000}]}]
      """)
    let (client, _) = try await rig.client(parameters: ["statement_timeout": "0"])
    #expect(try await client.query("SHOW statement_timeout").rows.count == 1)
    #expect(try await client.query("SELECT pg_sleep(5)").sqlStates == ["57014"])
    for sql in [
      "SET statement_timeout = 0", "SET LOCAL statement_timeout TO DEFAULT",
      "SELECT set_config('statement_timeout', '0', false)",
    ] {
      #expect(try await client.query(sql).sqlStates == ["42501"], "\(sql)")
    }
    #expect(
      try await client.query("SELECT '\(String(repeating: "x", count: 20_000))'").sqlStates
        == ["54000"])
    await rig.end()
  }

  @Test func aGrantLimitsRowsAndSessions() async throws {
    let (rig, _) = try await serving(
      """
      [{"policy": "orders", "grants": [{"name": "g", "to": {"groups": ["analysts"]}, "role": "app",
        "effects": ["read"], "max_rows": 3, "max_sessions": 2}]}]
      """)
    let (first, _) = try await rig.client()
    let (second, _) = try await rig.client()
    await #expect(throws: TestFailure.self) { try await rig.client() }
    #expect(try await first.query("SELECT generate_series(1, 3)").rows.count == 3)
    let over = try await first.query("SELECT generate_series(1, 4)")
    #expect(over.sqlStates == ["42501"] && over.rows.count == 3)
    try await second.terminate()
    try await eventually("one may enter again", within: GatewayRig.patience) {
      (try? await rig.client()) != nil
    }
    let records = try rig.records()
    #expect(records.refusals.contains { $0.reason == "too_many_sessions" })
    #expect(records.refusals.contains { $0.reason == "row_limit" && $0.rule == "g" })
    await rig.end()
  }

  /// Held and masked statements are refused until they can be held and masked, and are told why.
  @Test(arguments: [
    (
      #"{"name": "r", "hold": {"effects": ["write"], "unfiltered": true}}"#, "DELETE FROM pg_class",
      "needs an approval"
    ),
    (
      #"{"name": "r", "mask": {"columns": ["pg_catalog.pg_roles.rolpassword"], "with": "null"}}"#,
      "SELECT * FROM pg_roles", "columns that are masked"
    ),
  ])
  func holdsAndMasksAreRefused(_ rule: String, _ sql: String, _ message: String) async throws {
    let (rig, _) = try await serving(
      """
      [{"policy": "orders", "grants": [
        {"name": "g", "to": {"groups": ["analysts"]}, "role": "app", "effects": ["all"]}],
       "rules": [\(rule)]}]
      """)
    let (client, _) = try await rig.client()
    let reply = try await client.query(sql)
    #expect(reply.sqlStates == ["0A000"])
    #expect(reply.errors.first?.message.contains(message) == true)
    #expect(try await client.query("SELECT rolname FROM pg_roles").sqlStates.isEmpty)
    await rig.end()
  }

  /// What is only observed passes, and is recorded with what it would have been.
  @Test func whatObservesIsRecordedAndPasses() async throws {
    let (rig, _) = try await serving(
      """
      [{"policy": "orders", "grants": [
        {"name": "g", "to": {"groups": ["analysts"]}, "role": "app", "effects": ["all"]}]},
       {"policy": "later", "mode": "observe", "rules": [
        {"name": "no-version", "deny": {"functions": ["version"]}}]}]
      """)
    let (client, _) = try await rig.client()
    #expect(try await client.query("SELECT version()").rows.count == 1)
    try await client.terminate()
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(
      records.begins.map(\.observed) == [
        [ObservedDecision(policy: "later", rule: "no-version", verdict: "deny")]
      ])
    #expect(records.refusals.isEmpty)
    await rig.end()
  }
}
