import GatewayModel
import StatementAnalysis
import Testing

/// Settings, and whether they change who the session is.
@Suite struct SettingFactsTests {
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
      """
      SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings \
      WHERE name = 'restrict_nonsystem_relation_kind'
      """, ["restrict_nonsystem_relation_kind"], [.read, .setting]),
    Setting(
      "SELECT set_config(name, 'a', true) FROM pg_catalog.pg_settings WHERE name = 'statement_timeout'",
      ["statement_timeout"], [.read, .setting]),
    Setting(
      "SELECT set_config(name, 'a,pg_catalog', true) FROM pg_settings WHERE name = 'search_path'",
      ["search_path"], [.read, .session, .setting]),
  ]

  /// Only pg_dump's own query has its setting named by pg_settings.
  static let unsettled = [
    "set_config(name, 'off', false) FROM pg_settings WHERE name = 'transaction_read_only'",
    "set_config(name, 'on', false) FROM pg_settings WHERE name = 'Transaction_Read_Only'",
    "set_config(name, 'a', false) FROM pg_settings WHERE name <> 'work_mem'",
    "set_config(name, 'a', false) FROM pg_settings WHERE name = 'work_mem'::text",
    "set_config(name, 'a', false) FROM app.pg_settings WHERE name = 'work_mem'",
    "set_config(name, 'a', false) FROM pg_temp.pg_settings WHERE name = 'work_mem'",
    "set_config(name, 'a', false) FROM pg_settings s WHERE name = 'work_mem'",
    "set_config(name, 'a', false) FROM pg_settings, t WHERE name = 'work_mem'",
    "set_config(name, 'a', false), 1 FROM pg_settings WHERE name = 'work_mem'",
    "set_config(name, f(), false) FROM pg_settings WHERE name = 'work_mem'",
    "set_config(name, 'a', f()) FROM pg_settings WHERE name = 'work_mem'",
    "set_config(name, 'a', false) FROM pg_settings WHERE name = 'work_mem' ORDER BY f()",
    "set_config(name, 'a', false) FROM pg_settings WHERE name = 'work_mem' LIMIT f()",
    "DISTINCT set_config(name, 'a', false) FROM pg_settings WHERE name = 'work_mem'",
    "set_config(name, 'a', false) FROM pg_settings WHERE name = 'work_mem' GROUP BY f()",
    "app.set_config(name, 'a', false), set_config(name, 'a', false) FROM pg_settings",
  ]

  @Test(arguments: unsettled) func settingOfAnotherQueryIsAny(query: String) {
    let texts = [
      "SELECT \(query)", "WITH pg_settings AS (SELECT 'role' AS name) SELECT \(query)",
      """
      WITH pg_settings AS (SELECT 'role' AS name) SELECT 1 WHERE EXISTS (SELECT set_config(name, \
      'a', false) FROM pg_settings WHERE name = 'work_mem')
      """,
    ]
    for text in texts {
      let facts = StatementAnalysis.facts(of: text)
      #expect(facts.settings == ["*"] && facts.effects.contains(.session), "\(text)")
    }
  }

  static let moreSettings: [Setting] = [
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
    // What text is can be somebody's to say.
    Setting("SELECT set_config('a'::text, 'x', false)", ["*"], [.read, .setting, .session]),
    Setting("SELECT set_config('a'::app.text, 'x', false)", ["*"], [.read, .setting, .session]),
    Setting("SELECT set_config('a'::pg_catalog.text, 'x', false)", ["a"], [.read, .setting]),
    Setting(
      "SELECT set_config('transaction_read_only', 'on'::text, false)", ["transaction_read_only"],
      [.read, .setting, .session]),
    // A rule of it sets what its rows name.
    Setting("UPDATE pg_settings SET setting = 'x'", ["*"], [.write, .session]),
    Setting(
      "UPDATE pg_catalog.pg_settings SET setting = 'x' WHERE name = 'a'", ["*"], [.write, .session]),
    Setting("UPDATE app.pg_settings SET setting = 'x' WHERE name = 'a'", [], [.write]),
    Setting("EXPLAIN UPDATE pg_settings SET setting = 'x'", [], [.read]),
    Setting(
      "EXPLAIN ANALYZE UPDATE pg_settings SET setting = 'x'", ["*"], [.read, .write, .session]),
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

  @Test(arguments: settings + moreSettings)
  func settingsAreTold(_ example: Setting) {
    let facts = StatementAnalysis.facts(of: example.sql)
    #expect(facts.settings == example.names)
    #expect(facts.effects.effects == example.effects.effects)
  }
}
