import GatewayModel
import StatementAnalysis
import Testing

/// Columns and functions.
@Suite struct NameFactsTests {
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
}
