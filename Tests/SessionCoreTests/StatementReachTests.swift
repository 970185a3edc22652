import NIOCore
import Testing

@testable import SessionCore

@Suite struct StatementReachTests {
  private func reach(_ sql: String) -> StatementReach {
    StatementReach(of: ByteBuffer(string: sql))
  }

  @Test(arguments: [
    "BEGIN", "begin;", "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY", "Start Transaction",
    "SAVEPOINT s", "RELEASE SAVEPOINT s", "ROLLBACK TO s", "rollback work to savepoint s",
    "/* a /* nested */ comment */ BEGIN ; ", "-- first\nBEGIN",
  ])
  func nothingLasts(_ sql: String) { #expect(reach(sql) == .nowhere) }

  @Test(arguments: ["ROLLBACK", "rollback;", "ABORT", "ROLLBACK AND CHAIN", "ROLLBACK WORK"])
  func leavesItsTransaction(_ sql: String) { #expect(reach(sql) == .leaving) }

  @Test(arguments: [
    "SELECT 1", "select * from orders where id in (1, 2)", "(SELECT 1) UNION (SELECT 2)",
    "SELECT count(*), Coalesce(max(n), 0) FROM t", "VALUES (1), (2)", "TABLE t",
    "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO UPDATE SET (a, b) = (1, 2)",
    "insert into \"shop\".\"order items\" (\"id\") values ('x') returning id",
    "INSERT INTO shop . t(a) SELECT 1;", "UPDATE t SET a = (SELECT 2)", "DELETE FROM t",
    "WITH x AS (SELECT 1) SELECT * FROM x", "MERGE INTO t USING (SELECT 1) s ON true",
    "FETCH 10 FROM c", "DECLARE c CURSOR FOR SELECT 1", "CLOSE c", "SET LOCAL x = 1", "SHOW x",
    "-- name: orders :many\nSELECT 1", "SELECT 1 /* traceparent='00' */", "SELECT(1)",
    "LOCK TABLE t IN SHARE MODE", "SELECT a::numeric(10, 2) FROM t",
    "SELECT /* why */ repeat('x', 5) FROM generate_series(1, 3)",
    "SELECT /* app/web * 2 */ /**/count(*) FROM t", "SELECT 6 / count(*) FROM t",
    "SELECT t.a, \"t\".\"b\", 1.5, 1.e3, (t).*, (t) . * FROM shop.t WHERE a$1.b = $1",
  ])
  func staysInItsTransaction(_ sql: String) { #expect(reach(sql) == .transaction) }

  @Test(arguments: [
    // Ends the transaction, or lasts.
    "COMMIT", "END", "COMMIT AND CHAIN", "PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'",
    "ROLLBACK PREPARED 'x'", "ROLLBACK /* */ PREPARED 'x'", "CALL p()", "DO $$ BEGIN END $$",
    "COPY t TO PROGRAM 'cat'", "COPY t FROM STDIN", "CREATE TABLE t ()", "EXECUTE s", "VACUUM",
    "EXPLAIN ANALYZE SELECT 1", "NOTIFY x", "PREPARE s AS SELECT 1", "DISCARD ALL",
    // Not one command, or none.
    "BEGIN; COMMIT", "SELECT 1; COMMIT", "SELECT 1;;COMMIT", ";", "", "   ", "-- only\n", "/* open",
    "SELECT 1; -- and\nCOMMIT", "BEGIN -- \n; COMMIT",
    // Calls that may do anything.
    "SELECT pg_terminate_backend(1)", "SELECT nextval('s')", "SELECT lo_export (1, 'f')",
    "SELECT dblink_exec\n\t('x')", "SELECT \"count\"(1)", "SELECT shop.count(1)",
    "SELECT shop . count(1)", "SELECT f/* in */(1)", "SELECT shop./**/count(1)",
    "SELECT f -- in\n(1)", "SELECT f$count(1)", "SELECT écount(1)",
    "SELECT U&\"!0066\" UESCAPE '!' (1)", "SELECT (f(1))", "INSERT INTO t SELECT f(1)",
    "INSERT INTO t VALUES (f(1))", "SELECT x.into t(1)", "UPDATE t SET a = f(1)",
    "SELECT shop./* a */count(1)", "SELECT shop. /* a */ /* b */ count(1)",
    "SELECT shop./* a /* b */ c */count(1)", "SELECT shop./* /* a */* b */count(1)",
    "SELECT shop./*/ a */count(1)",
    // Calls in the notation of fields.
    "SELECT ('s'::regclass).nextval", "SELECT ('s'::regclass) . nextval",
    "select (1234).pg_advisory_lock", "SELECT (pid).pg_cancel_backend FROM pg_stat_activity",
    "SELECT ($1).f", "SELECT $1.f", "SELECT $1 .f", "SELECT 1 IN (5$1.f)", "SELECT a[1].f FROM t",
    "SELECT (a).\"f\"", "SELECT (a)./* b */f", "SELECT (a)/* b */.f", "SELECT (a).U&\"f\"",
    "(SELECT 's'::regclass).nextval", "SELECT (a).écount", "SELECT $1[1].f",
    "START", "SELECTED 1", "BEGINNING", "SELECT$1",
  ])
  func mayReachBeyond(_ sql: String) { #expect(reach(sql) == .beyond) }

  @Test func anyBytesAreJudged() {
    var random = SplitMix(state: 42)
    let alphabet = Array("select begin rollback into(\"'./*-;$\n\u{0}é \\".utf8)
    for _ in 0..<20_000 {
      let bytes = (0..<Int(random.next() % 24)).map { _ in
        alphabet[Int(random.next() % UInt64(alphabet.count))]
      }
      for prefix in ["", "select ", "insert into ", "rollback "] {
        let text = ByteBuffer(bytes: Array(prefix.utf8) + bytes)
        let found = StatementReach(of: text)
        if bytes.dropLast(1).contains(UInt8(ascii: ";")), found != .beyond {
          let rest = bytes.drop { $0 != UInt8(ascii: ";") }
          #expect(
            rest.allSatisfy { $0 == UInt8(ascii: ";") || $0 == 0x20 || (9...13).contains($0) })
        }
      }
    }
  }

  /// The time grows with the text, whatever stands in it.
  @Test(arguments: [
    "(", " (", "a(", "\"(", "\" (", "a.", "a. (", "into a.(", "--", "/*", ";", "$",
    ").", ") .", "$1", "$1.", "/**/", "/**/a(", "/* */", " .", "*/",
  ])
  func longTextsTakeLinearTime(_ part: String) {
    let text = ByteBuffer(string: "select " + String(repeating: part, count: 300_000))
    let clock = ContinuousClock()
    let spent = clock.measure { _ = StatementReach(of: text) }
    #expect(spent < .seconds(5))
  }
}

private struct SplitMix {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    return value ^ value >> 31
  }
}
