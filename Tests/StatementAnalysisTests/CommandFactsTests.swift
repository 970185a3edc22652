import GatewayModel
import StatementAnalysis
import Testing

/// What commands are told of by: effects, accesses, opacity.
@Suite struct CommandFactsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var sql: String
    var commands: [String]
    /// `r:`, `w:` or `o:` for the access, and the name.
    var tables: [String]
    var effects: StatementEffects
    var opacity: StatementFacts.Opacity?
    var testDescription: String { sql }

    init(
      _ sql: String, _ commands: [String], _ tables: [String], _ effects: StatementEffects,
      _ opacity: StatementFacts.Opacity? = nil
    ) {
      self.sql = sql
      self.commands = commands
      self.tables = tables
      self.effects = effects
      self.opacity = opacity
    }
  }

  static let runners = [
    Case("EXPLAIN DELETE FROM t", ["EXPLAIN"], ["r:t"], [.read]),
    Case("EXPLAIN (ANALYZE) DELETE FROM t", ["EXPLAIN", "DELETE"], ["w:t"], [.read, .write]),
    Case("EXPLAIN (ANALYZE off) DELETE FROM t", ["EXPLAIN"], ["r:t"], [.read]),
    Case(
      "EXPLAIN (ANALYZE off, ANALYZE) INSERT INTO t SELECT f.a FROM f",
      ["EXPLAIN", "INSERT"], ["w:t", "r:f"], [.read, .write]),
    Case("EXPLAIN (analyze 0, verbose) SELECT nextval('s')", ["EXPLAIN"], [], [.read]),
    Case("EXPLAIN SELECT app.f()", ["EXPLAIN"], [], [.read, .unknown]),
    Case("EXPLAIN CREATE TABLE t AS SELECT * FROM u", ["EXPLAIN"], ["r:t", "r:u"], [.read]),
    Case(
      "EXPLAIN ANALYZE EXECUTE p", ["EXPLAIN", "EXECUTE"], [], [.read, .unknown], .prepared),
    Case(
      "PREPARE p AS DELETE FROM t WHERE id = $1", ["PREPARE", "DELETE"], ["w:t"],
      [.write, .setting]),
    Case("EXECUTE p(1)", ["EXECUTE"], [], [.unknown], .prepared),
    Case(
      "CREATE TABLE n AS EXECUTE p", ["CREATE TABLE AS", "EXECUTE"], ["w:n"],
      [.read, .write, .ddl, .unknown], .prepared),
    Case(
      "DECLARE c CURSOR FOR SELECT * FROM t FOR UPDATE", ["DECLARE CURSOR", "SELECT"], ["r:t"],
      [.read, .lock, .setting]),
    Case("FETCH ALL FROM c", ["FETCH"], [], [.read]),
    Case("DO $$ begin end $$", ["DO"], [], [.unknown], .code),
    Case("CALL app.p((SELECT max(a) FROM t))", ["CALL"], ["r:t"], [.read, .unknown], .code),
    Case(
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'", ["CREATE FUNCTION"], [],
      [.ddl, .unknown], .code),
    Case(
      "CREATE OR REPLACE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC DELETE FROM t; END",
      ["CREATE PROCEDURE"], [], [.ddl, .unknown], .code),
  ]

  static let writers = [
    Case("COPY t FROM PROGRAM 'curl x'", ["COPY"], ["w:t"], [.write, .program]),
    Case("COPY t TO '/tmp/x'", ["COPY"], ["r:t"], [.read, .program]),
    Case(
      "COPY (DELETE FROM t RETURNING *) TO STDOUT", ["COPY", "DELETE"], ["w:t"], [.read, .write]),
    Case("COPY (SELECT * FROM t) TO STDOUT", ["COPY", "SELECT"], ["r:t"], [.read]),
    Case(
      "WITH a AS (INSERT INTO x VALUES (1) RETURNING *), b AS (UPDATE y SET c = 1 RETURNING *) "
        + "SELECT * FROM a, b", ["SELECT", "INSERT", "UPDATE"], ["w:x", "w:y"], [.read, .write]),
    Case("INSERT INTO t SELECT * FROM t", ["INSERT"], ["w:t", "r:t"], [.read, .write]),
    Case("SELECT nextval('s')", ["SELECT"], [], [.read, .write]),
    Case("SELECT pg_catalog.setval('s', 1)", ["SELECT"], [], [.read, .write]),
    Case("SELECT lo_unlink(1)", ["SELECT"], [], [.read, .write]),
    Case("COMMIT PREPARED 'g'", ["COMMIT PREPARED"], [], [.transaction, .write]),
    Case("SELECT 1 INTO t UNION SELECT 2", ["SELECT INTO"], ["w:t"], [.read, .write, .ddl]),
    Case("REFRESH MATERIALIZED VIEW m", ["REFRESH MATERIALIZED VIEW"], ["w:m"], [.write]),
    Case("TABLE t", ["SELECT"], ["r:t"], [.read]),
    Case("VALUES (1)", ["SELECT"], [], [.read]),
    Case(
      "SELECT * FROM a TABLESAMPLE system(1), LATERAL (SELECT * FROM b) l", ["SELECT"],
      ["r:a", "r:b"], [.read]),
  ]

  static let others = [
    Case("SELECT pg_advisory_lock(1)", ["SELECT"], [], [.read, .lock]),
    Case("SELECT pg_advisory_unlock_all()", ["SELECT"], [], [.read, .setting]),
    Case("SELECT pg_terminate_backend(1)", ["SELECT"], [], [.read, .privilege]),
    Case("SELECT pg_read_file('/etc/passwd')", ["SELECT"], [], [.read, .program]),
    Case("SELECT lo_import('/etc/passwd')", ["SELECT"], [], [.read, .program]),
    Case(
      "SELECT query_to_xml('delete from t', true, true, '')", ["SELECT"], [], [.read, .unknown]),
    Case("SELECT * FROM dblink('x', 'y') d(a int)", ["SELECT"], [], [.read, .unknown]),
    Case("SELECT public.lower('x')", ["SELECT"], [], [.read, .unknown]),
    Case("SELECT 1 OPERATOR(app.+) 1", ["SELECT"], [], [.read, .unknown]),
    Case("SELECT 1 OPERATOR(pg_catalog.+) 1", ["SELECT"], [], [.read]),
    Case("LOAD 'x'", ["LOAD"], [], [.program]),
    Case("DISCARD ALL", ["DISCARD"], [], [.session, .setting, .ddl]),
    Case("DISCARD PLANS", ["DISCARD"], [], [.setting]),
    Case(
      "CREATE VIEW v AS SELECT app.f() FROM t", ["CREATE VIEW"], ["o:v", "r:t"], [.read, .ddl]),
    Case(
      "CREATE TABLE t (a int DEFAULT app.f() REFERENCES u, LIKE w) INHERITS (x)",
      ["CREATE TABLE"], ["o:t", "o:u", "o:w", "o:x"], [.ddl]),
    Case(
      "ALTER TABLE t ADD COLUMN a int DEFAULT app.f()", ["ALTER TABLE"], ["o:t"],
      [.ddl, .unknown]),
    Case("ALTER TABLE t DISABLE ROW LEVEL SECURITY", ["ALTER TABLE"], ["o:t"], [.ddl, .privilege]),
    Case(
      "ALTER TABLE t ATTACH PARTITION p FOR VALUES IN (1)", ["ALTER TABLE"], ["o:t", "o:p"],
      [.ddl]),
    Case("DROP TRIGGER x ON s.t", ["DROP TRIGGER"], ["o:s.t"], [.ddl]),
    Case("COMMENT ON COLUMN s.t.a IS 'x'", ["COMMENT"], ["o:s.t"], [.ddl]),
    Case(
      "CREATE RULE r AS ON UPDATE TO t DO INSTEAD DELETE FROM u", ["CREATE RULE", "DELETE"],
      ["o:t", "w:u"], [.ddl, .write]),
    Case("CREATE POLICY p ON t USING (app.f())", ["CREATE POLICY"], ["o:t"], [.ddl, .privilege]),
    Case("ALTER ROLE r SET role = 'x'", ["ALTER ROLE"], [], [.privilege]),
    Case("ALTER SYSTEM SET a = 'x'", ["ALTER SYSTEM"], [], [.privilege]),
    Case("ALTER DATABASE d SET a = 'x'", ["ALTER DATABASE"], [], [.privilege]),
    Case("CREATE PUBLICATION p FOR TABLE t", ["CREATE PUBLICATION"], ["o:t"], [.ddl]),
    Case("CREATE LANGUAGE x", ["CREATE EXTENSION"], [], [.ddl, .program]),
    Case("CREATE AGGREGATE a (int) (sfunc = f, stype = int)", ["CREATE AGGREGATE"], [], [.ddl]),
    Case(
      "ALTER TEXT SEARCH DICTIONARY d RENAME TO e", ["ALTER TEXT SEARCH DICTIONARY"], [], [.ddl]),
    Case(
      "CREATE SCHEMA s CREATE TABLE t (a int)", ["CREATE SCHEMA", "CREATE TABLE"], ["o:t"], [.ddl]),
    Case(
      "MERGE INTO t USING s ON true WHEN MATCHED THEN UPDATE SET a = 1", ["MERGE"],
      ["w:t", "r:s"], [.read, .write]),
  ]

  @Test(arguments: runners + writers + others + catalogues)
  func factsStandInTheText(_ example: Case) {
    let facts = StatementAnalysis.facts(of: example.sql)
    #expect(facts.commands == example.commands)
    let tables = facts.tables.map { "\($0.access.rawValue.prefix(1)):\($0.name)" }
    #expect(Set(tables) == Set(example.tables))
    #expect(facts.effects.effects == example.effects.effects)
    #expect(facts.opacity == example.opacity)
  }

  /// Who decides about functions that a grant lists relies on it.
  @Test(arguments: runners + writers + others)
  func whatIsUnknownIsOpaqueOrAFunction(_ example: Case) {
    let facts = StatementAnalysis.facts(of: example.sql)
    if facts.effects.contains(.unknown) {
      #expect(facts.opacity != nil || facts.functions.contains { !$0.isKnown })
    }
  }

  @Test(arguments: [
    ("DELETE FROM t", true), ("DELETE FROM t WHERE true", true),
    ("DELETE FROM t WHERE 1 = 1", true),
    ("DELETE FROM t WHERE a = 1", false), ("DELETE FROM t WHERE a = 1 OR 1 = 1", true),
    ("DELETE FROM t WHERE a = $1 OR $1 IS NULL", false), ("DELETE FROM t WHERE $1", true),
    ("UPDATE t SET a = 1", true), ("UPDATE t SET a = 1 WHERE now() > '2020-01-01'", true),
    ("UPDATE t SET a = 1 WHERE CURRENT OF c", false), ("TRUNCATE t", true),
    ("UPDATE t SET a = 1 FROM u WHERE t.id = u.id", false),
    ("DELETE FROM t WHERE EXISTS (SELECT 1)", true),
    ("DELETE FROM t WHERE EXISTS (SELECT * FROM u)", true),
    ("DELETE FROM t WHERE id IN (SELECT id FROM u)", false), ("SELECT * FROM t", false),
    ("EXPLAIN DELETE FROM t", false), ("EXPLAIN ANALYZE DELETE FROM t", true),
    ("WITH x AS (DELETE FROM t RETURNING *) SELECT 1", true),
    ("MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", true),
    ("MERGE INTO t USING s ON t.i = s.i WHEN MATCHED THEN DELETE", false),
    ("MERGE INTO t USING s ON true WHEN NOT MATCHED THEN INSERT VALUES (1)", false),
  ])
  func writesThatReachEveryRowAreTold(sql: String, isUnfiltered: Bool) {
    #expect(StatementAnalysis.facts(of: sql).isUnfiltered == isUnfiltered)
  }

  @Test(arguments: [
    ("TRUNCATE a CASCADE", true), ("TRUNCATE a", false), ("TRUNCATE a RESTART IDENTITY", false),
    ("DROP TABLE a CASCADE", true), ("DROP TABLE a", false), ("DROP SCHEMA a CASCADE", true),
    ("ALTER TABLE a DROP COLUMN b CASCADE", true), ("ALTER TABLE a DROP COLUMN b", false),
    ("ALTER TABLE a ADD COLUMN b int, DROP CONSTRAINT c CASCADE", true),
    ("SELECT 1; DROP VIEW a CASCADE", true), ("DELETE FROM a", false),
    ("VACUUM", true), ("VACUUM a", false), ("ANALYZE", true), ("ANALYZE a (b)", false),
    ("CLUSTER", true), ("CLUSTER a USING b", false), ("REINDEX TABLE a", false),
    ("REINDEX INDEX a", true), ("REINDEX SCHEMA a", true), ("REINDEX DATABASE a", true),
    ("GRANT SELECT ON a TO b", false), ("GRANT SELECT (c) ON TABLE a TO b", false),
    ("GRANT SELECT ON ALL TABLES IN SCHEMA a TO b", true), ("GRANT USAGE ON SCHEMA a TO b", true),
    ("GRANT SELECT ON a TO b; REVOKE ALL ON ALL TABLES IN SCHEMA a FROM b", true),
  ])
  func commandsThatReachWhatTheyDoNotNameAreTold(sql: String, isOpenEnded: Bool) {
    #expect(StatementAnalysis.facts(of: sql).isOpenEnded == isOpenEnded)
  }

  static let catalogues = [
    Case("UPDATE pg_authid SET rolsuper = true", ["UPDATE"], ["w:pg_authid"], changing),
    Case("DELETE FROM pg_catalog.pg_class", ["DELETE"], ["w:pg_catalog.pg_class"], changing),
    Case("INSERT INTO pg_catalog.x VALUES (1)", ["INSERT"], ["w:pg_catalog.x"], changing),
    Case("COPY pg_auth_members FROM STDIN", ["COPY"], ["w:pg_auth_members"], changing),
    Case("TRUNCATE pg_policy", ["TRUNCATE TABLE"], ["w:pg_policy"], changing),
    Case(
      "WITH x AS (UPDATE pg_proc SET prosrc = '') SELECT 1", ["SELECT", "UPDATE"],
      ["w:pg_proc"], changing.union(.read)),
    Case(
      "MERGE INTO pg_authid USING t ON true WHEN MATCHED THEN DELETE", ["MERGE"],
      ["w:pg_authid", "r:t"], changing.union(.read)),
    Case("UPDATE app.pg_authid SET rolsuper = true", ["UPDATE"], ["w:app.pg_authid"], [.write]),
    Case("UPDATE pgbench_tellers SET tid = 1", ["UPDATE"], ["w:pgbench_tellers"], [.write]),
    Case("EXPLAIN UPDATE pg_authid SET rolsuper = true", ["EXPLAIN"], ["r:pg_authid"], [.read]),
    Case("COPY pg_authid TO STDOUT", ["COPY"], ["r:pg_authid"], [.read]),
  ]
  private static let changing: StatementEffects = [.write, .ddl, .privilege]
}
