import GatewayModel
import StatementAnalysis
import Testing

/// Columns, functions and settings.
@Suite struct NameFactsTests {
  struct Setting: Sendable, CustomTestStringConvertible {
    var sql: String
    var names: [String]
    var effects: StatementEffects
    var testDescription: String { sql }

    init(_ sql: String, _ names: [String], _ effects: StatementEffects) {
      self.sql = sql
      self.names = names
      self.effects = effects
    }
  }

  static let columns: [(String, [String])] = [
    ("SELECT a, t.b, s.t.c FROM s.t", ["a", "t.b", "s.t.c"]),
    ("SELECT * FROM t", ["*"]), ("SELECT t.* FROM t", ["t.*"]), ("TABLE t", ["*"]),
    // A whole row, by the name of a table or of an alias.
    ("SELECT t FROM t", ["t", "t.*"]), ("SELECT row_to_json(c) FROM customers c", ["c", "c.*"]),
    ("SELECT s.t FROM s.t", ["s.t", "s.t.*"]), ("SELECT x FROM (SELECT 1) x", ["x", "x.*"]),
    ("SELECT (c).email FROM customers c", ["c", "email", "c.*"]),
    ("SELECT (c).* FROM customers c", ["c", "*", "c.*"]),
    (
      "SELECT generate_series FROM generate_series(1, 2)", ["generate_series", "generate_series.*"]
    ),
    // Aliases of columns are not columns; new names for them hide which they are.
    ("SELECT a AS email FROM t", ["a"]),
    ("SELECT q FROM customers c (p, q)", ["q", "customers.*"]),
    ("SELECT 1 FROM a JOIN b USING (email)", ["email"]), ("SELECT 1 FROM a NATURAL JOIN b", ["*"]),
    ("INSERT INTO t (a, b) VALUES (1, 2)", ["a", "b"]), ("INSERT INTO t VALUES (1)", ["t.*"]),
    ("INSERT INTO t (a) VALUES (1) RETURNING *", ["a", "*"]),
    (
      "INSERT INTO t (a) VALUES (1) ON CONFLICT (b) DO UPDATE SET c = excluded.d WHERE e",
      ["a", "c", "b", "excluded.d", "e"]
    ),
    ("UPDATE t SET a = b WHERE c", ["a", "b", "c"]),
    ("UPDATE t SET (a, b) = (SELECT c, d FROM u)", ["a", "b", "c", "d"]),
    ("COPY t (a, b) TO STDOUT", ["a", "b"]), ("COPY t FROM STDIN", ["t.*"]),
    ("SELECT count(*) FROM t", []),
    ("SELECT \"E\"\"x\", U&\"\\0065mail\" FROM t", ["\"E\"\"x\"", "email"]),
    ("SELECT EMAIL FROM t ORDER BY Name", ["email", "name"]),
    ("DELETE FROM t WHERE a RETURNING b", ["a", "b"]),
    ("MERGE INTO t USING s ON a WHEN MATCHED THEN UPDATE SET b = c", ["b", "a", "c"]),
  ]

  @Test(arguments: columns)
  func columnsAreToldAsWritten(sql: String, columns: [String]) {
    let facts = StatementAnalysis.facts(of: sql)
    let told = facts.columns.map { TableName(parts: $0.parts).description }
    #expect(Set(told) == Set(columns.map { $0.replacing("*", with: "\"*\"") }))
    #expect(Set(told).count == told.count)
  }

  static let functions: [(String, [String])] = [
    ("SELECT lower(x), count(*), app.f(1)", ["lower+", "count+", "app.f-"]),
    ("SELECT pg_catalog.lower('x')", ["pg_catalog.lower+"]),
    ("SELECT * FROM generate_series(1, 2), my_rows()", ["generate_series+", "my_rows-"]),
    (
      "SELECT extract(year FROM now()), a AT TIME ZONE 'x' FROM t",
      ["pg_catalog.extract+", "now+", "pg_catalog.timezone+"]
    ),
    ("SELECT sum(a) OVER (ORDER BY f(b)) FROM t", ["sum+", "f-"]),
    ("SELECT nextval('x')", ["nextval+"]), ("SELECT * FROM t TABLESAMPLE mine(1)", ["mine-"]),
    ("SELECT coalesce(a, 1), current_user FROM t", []), ("SELECT \"Lower\"('x')", ["\"Lower\"-"]),
    ("SELECT a.b.c.d.e()", ["b.c.d.e-"]),
    ("SELECT * FROM t ORDER BY a USING OPERATOR(app.<)", ["app.\"<\"-"]),
  ]

  @Test(arguments: functions)
  func functionsAreTold(sql: String, functions: [String]) {
    let facts = StatementAnalysis.facts(of: sql)
    #expect(facts.functions.map { "\($0)\($0.isKnown ? "+" : "-")" } == functions)
  }

  static let settings: [Setting] = [
    Setting("SET search_path = x", ["search_path"], [.setting]),
    Setting("SET LOCAL Statement_Timeout = 0", ["statement_timeout"], [.setting]),
    Setting("SET \"ROLE\" = 'x'", ["role"], [.session]),
    Setting("SET ROLE x", ["role"], [.session]),
    Setting("RESET ROLE", ["role"], [.session]),
    Setting("SET ROLE NONE", ["role"], [.session]),
    Setting("SET SESSION AUTHORIZATION x", ["session_authorization"], [.session]),
    Setting("RESET ALL", ["*"], [.setting]),
    Setting("DISCARD ALL", ["*"], [.session, .setting, .ddl]),
    Setting("SET TRANSACTION READ WRITE", ["transaction_read_only"], [.session, .setting]),
    Setting("SET TRANSACTION READ ONLY", ["transaction_read_only"], [.setting]),
    Setting("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", ["transaction_isolation"], [.setting]),
    Setting("BEGIN READ WRITE", ["transaction_read_only"], [.session, .transaction]),
    Setting(
      "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE",
      ["transaction_isolation", "transaction_read_only"], [.session, .transaction, .setting]),
    Setting("BEGIN READ ONLY", ["transaction_read_only"], [.transaction, .setting]),
    Setting(
      "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", ["default_transaction_read_only"],
      [.session, .setting]),
    Setting(
      "SELECT set_config(name, 'view', false) FROM pg_settings WHERE name = 'work_mem'",
      ["work_mem"], [.read, .setting]),
    Setting(
      "SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'transaction_read_only'",
      ["transaction_read_only"], [.read, .session, .setting]),
    Setting(
      "SELECT set_config(name, 'a', false) FROM pg_settings WHERE name <> 'work_mem'", ["*"],
      [.read, .session, .setting]),
    Setting(
      "SET default_transaction_read_only = on", ["default_transaction_read_only"], [.setting]),
    Setting(
      "SET default_transaction_read_only = off", ["default_transaction_read_only"], [.session]),
    Setting(
      "SET default_transaction_read_only TO DEFAULT", ["default_transaction_read_only"],
      [.session]),
    Setting("SET row_security = off", ["row_security"], [.setting]),
    Setting("SET standard_conforming_strings = on", ["standard_conforming_strings"], [.setting]),
    Setting("SET client_encoding = 'SQL_ASCII'", ["client_encoding"], [.setting]),
    Setting("SET standard_conforming_strings = off", ["standard_conforming_strings"], [.session]),
    Setting("SET NAMES 'utf8'", ["client_encoding"], [.setting]),
    Setting("SET client_encoding = 'sjis'", ["client_encoding"], [.session]),
    Setting("RESET client_encoding", ["client_encoding"], [.session]),
    Setting("SELECT set_config('ROLE', 'x', false)", ["role"], [.read, .setting, .session]),
    Setting("SELECT set_config('a.b', 'x', true)", ["a.b"], [.read, .setting]),
    Setting("SELECT set_config('role'::text, 'x', false)", ["role"], [.read, .setting, .session]),
    Setting("SELECT set_config('rol' || 'e', 'x', false)", ["*"], [.read, .setting, .session]),
    Setting(
      "SELECT set_config('rolex'::varchar(4), 'x', false)", ["*"], [.read, .setting, .session]),
    Setting("SELECT set_config(VARIADIC array['a'])", ["*"], [.read, .setting, .session]),
    Setting(
      "SELECT set_config(setting_name => 'a', new_value => 'b', is_local => true)", ["*"],
      [.read, .setting, .session]),
    Setting("SELECT set_config(U&'\\0072ole', 'x', false)", ["role"], [.read, .setting, .session]),
    Setting("SELECT current_setting('role')", [], [.read]),
    Setting("SHOW role", [], [.setting]),
    // With pg_catalog behind another schema, known names are anybody's.
    Setting("SET search_path = a, pg_catalog", ["search_path"], [.session]),
    Setting("SET search_path = pg_catalog, a", ["search_path"], [.setting]),
    Setting("SET search_path = 'a, pg_catalog'", ["search_path"], [.setting]),
    Setting("SET search_path TO DEFAULT", ["search_path"], [.setting]),
    Setting("SELECT set_config('search_path', '', false)", ["search_path"], [.read, .setting]),
    Setting(
      "SELECT set_config('search_path', 'a,PG_catalog', false)", ["search_path"],
      [.read, .setting, .session]),
    Setting(
      "SELECT set_config('search_path', $1, false)", ["search_path"], [.read, .setting, .session]),
    Setting(
      "SET SESSION CHARACTERISTICS AS TRANSACTION DEFERRABLE", ["default_transaction_deferrable"],
      [.setting]),
  ]

  @Test(arguments: settings)
  func settingsAreTold(_ example: Setting) {
    let facts = StatementAnalysis.facts(of: example.sql)
    #expect(facts.settings == example.names)
    #expect(facts.effects.effects == example.effects.effects)
  }
}
