import GatewayModel
import StatementAnalysis
import Testing

/// What stands in the texts of commands.
@Suite struct FactsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var sql: String
    var commands: [String]
    var tables: [String]
    var effects: [StatementEffect]
    var testDescription: String { sql }

    init(
      _ sql: String, _ commands: [String], _ tables: [String], _ effects: [StatementEffect]
    ) {
      self.sql = sql
      self.commands = commands
      self.tables = tables
      self.effects = effects
    }
  }

  static let cases = [
    Case("SELECT 1", ["SELECT"], [], [.read]),
    Case(
      "select * from Orders o join public.lines using (id), \"X\".y",
      ["SELECT"], ["orders", "public.lines", "\"X\".y"], [.read]),
    Case("DELETE FROM orders WHERE id = 7", ["DELETE"], ["orders"], [.write]),
    Case("delete from a using b where a.i = b.i", ["DELETE"], ["a", "b"], [.read, .write]),
    Case("INSERT INTO t VALUES (1), (2)", ["INSERT"], ["t"], [.write]),
    Case("INSERT INTO t SELECT * FROM u", ["INSERT"], ["t", "u"], [.read, .write]),
    Case("UPDATE t SET a = (SELECT max(b) FROM u)", ["UPDATE"], ["t", "u"], [.read, .write]),
    Case(
      "MERGE INTO t USING s ON t.i = s.i WHEN MATCHED THEN DELETE",
      ["MERGE"], ["t", "s"], [.read, .write]),
    Case("TRUNCATE a, b.c", ["TRUNCATE TABLE"], ["a", "b.c"], [.write]),
    Case("DROP TABLE IF EXISTS s.t, u CASCADE", ["DROP TABLE"], ["s.t", "u"], [.ddl]),
    Case("DROP MATERIALIZED VIEW m", ["DROP MATERIALIZED VIEW"], ["m"], [.ddl]),
    Case("DROP FUNCTION f(int)", ["DROP FUNCTION"], [], [.ddl]),
    Case("ALTER TABLE t ADD COLUMN c int", ["ALTER TABLE"], ["t"], [.ddl]),
    Case("ALTER TABLE t RENAME COLUMN a TO b", ["ALTER TABLE"], ["t"], [.ddl]),
    Case("ALTER TABLE t OWNER TO bob", ["ALTER TABLE"], ["t"], [.ddl, .privilege]),
    Case("CREATE TABLE t (a int)", ["CREATE TABLE"], ["t"], [.ddl]),
    Case(
      "CREATE TABLE t AS SELECT * FROM u", ["CREATE TABLE AS"], ["u", "t"],
      [.read, .write, .ddl]),
    Case("SELECT * INTO t FROM u", ["SELECT INTO"], ["t", "u"], [.read, .write, .ddl]),
    Case("CREATE EXTENSION pg_trgm", ["CREATE EXTENSION"], [], [.ddl, .program]),
    Case("COPY t TO STDOUT", ["COPY"], ["t"], [.read]),
    Case("COPY t FROM STDIN", ["COPY"], ["t"], [.write]),
    Case("BEGIN", ["BEGIN"], [], [.transaction]),
    Case("ROLLBACK TO SAVEPOINT a", ["ROLLBACK TO"], [], [.transaction]),
    Case("SET search_path = x", ["SET"], [], [.setting]),
    Case("RESET ALL", ["RESET"], [], [.setting]),
    Case("GRANT SELECT ON t TO bob", ["GRANT"], ["t"], [.privilege]),
    Case("REVOKE admin FROM bob", ["REVOKE ROLE"], [], [.privilege]),
    Case("CALL f(1)", ["CALL"], [], [.unknown]),
    Case("DO $$ BEGIN DELETE FROM t; END $$", ["DO"], [], [.unknown]),
    Case("LOCK TABLE t", ["LOCK TABLE"], ["t"], [.lock]),
    Case("SELECT * FROM t x FOR UPDATE OF x", ["SELECT"], ["t"], [.read, .lock]),
    Case("VACUUM t", ["VACUUM"], ["t"], [.maintenance]),
    Case("ANALYZE t", ["ANALYZE"], ["t"], [.maintenance]),
    Case(
      "EXPLAIN ANALYZE DELETE FROM t", ["EXPLAIN", "DELETE"], ["t"], [.read, .write]),
    Case(
      "SELECT 1; DELETE FROM a; SELECT 2", ["SELECT", "DELETE"], ["a"], [.read, .write]),
    Case("-- nothing", [], [], []),
    Case(
      "SELECT * FROM a UNION ALL SELECT * FROM b", ["SELECT"], ["a", "b"], [.read]),
  ]

  @Test(arguments: cases)
  func factsStandInTheText(_ example: Case) {
    let facts = StatementAnalysis.facts(of: example.sql)
    #expect(facts.commands == example.commands)
    #expect(Set(facts.tables.map(\.name.description)) == Set(example.tables))
    #expect(facts.effects.effects == example.effects)
  }

  @Test(arguments: [
    ("WITH x AS (SELECT 1) SELECT * FROM x", []),
    // The inner one is the table: a WITH does not see itself.
    ("WITH orders AS (SELECT * FROM orders) SELECT * FROM orders", ["orders"]),
    ("WITH RECURSIVE t AS (SELECT 1 UNION SELECT * FROM t) SELECT * FROM t", []),
    ("WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM a, b", ["b"]),
    ("WITH x AS (SELECT 1) SELECT * FROM public.x", ["public.x"]),
    ("WITH x AS (SELECT 1) DELETE FROM x", ["x"]),
    ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", ["t"]),
    ("SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) s, x", ["x"]),
    ("WITH d AS (DELETE FROM orders RETURNING *) SELECT * FROM d", ["orders"]),
  ])
  func commonTableExpressionsAreNoTables(sql: String, tables: [String]) {
    #expect(StatementAnalysis.facts(of: sql).tables.map(\.name.description) == tables)
  }

  @Test func deletionInACommonTableExpressionIsACommand() {
    let facts = StatementAnalysis.facts(
      of: "WITH d AS (DELETE FROM orders RETURNING *) SELECT * FROM d")
    #expect(facts.commands == ["SELECT", "DELETE"])
    #expect(facts.effects == [.read, .write])
  }

  @Test func namesWithEscapesAreRead() {
    let facts = StatementAnalysis.facts(of: "SELECT * FROM \"a\\b\".\"c\"\"d\"")
    #expect(facts.tables.map(\.name.parts) == [["a\\b", "c\"d"]])
  }
}
