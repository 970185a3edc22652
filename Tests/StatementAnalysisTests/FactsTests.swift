import Foundation
import GatewayModel
import StatementAnalysis
import Synchronization
import Testing

/// The one thread of the tests that parses: each that does takes a key of the process for good, of
/// which there are 1024, and libcrypto needs some.
private final class ParserThread: Sendable {
  static let shared = ParserThread()
  private let jobs = Mutex<[@Sendable () -> Void]>([])
  private let news = DispatchSemaphore(value: 0)

  private init() {
    let thread = Thread { [self] in
      while true {
        news.wait()
        jobs.withLock { $0.removeFirst() }()
      }
    }
    thread.stackSize = StatementAnalysis.stackBytes
    thread.start()
  }

  func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      jobs.withLock { $0.append { continuation.resume(returning: body()) } }
      news.signal()
    }
  }
}

func facts(_ sql: String) async -> Result<TextFacts, AnalysisFailure> {
  await ParserThread.shared.run {
    do throws(AnalysisFailure) {
      return .success(try StatementAnalysis.facts(of: sql))
    } catch {
      return .failure(error)
    }
  }
}

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
    Case("ALTER TABLE t OWNER TO bob", ["ALTER TABLE"], ["t"], [.ddl]),
    Case("CREATE TABLE t (a int)", ["CREATE TABLE"], ["t"], [.ddl]),
    Case(
      "CREATE TABLE t AS SELECT * FROM u", ["CREATE TABLE AS"], ["u", "t"],
      [.read, .write, .ddl]),
    Case("SELECT * INTO t FROM u", ["SELECT INTO"], ["t", "u"], [.read, .write, .ddl]),
    Case("CREATE EXTENSION pg_trgm", ["CREATE EXTENSION"], [], [.ddl]),
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
  func factsStandInTheText(_ example: Case) async throws {
    let facts = try await facts(example.sql).get()
    #expect(facts.commands == example.commands)
    #expect(Set(facts.tables.map(\.description)) == Set(example.tables))
    #expect(facts.effects == example.effects)
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
  func commonTableExpressionsAreNoTables(sql: String, tables: [String]) async throws {
    #expect(try await facts(sql).get().tables.map(\.description) == tables)
  }

  @Test func deletionInACommonTableExpressionIsACommand() async throws {
    let facts = try await facts(
      "WITH d AS (DELETE FROM orders RETURNING *) SELECT * FROM d"
    ).get()
    #expect(facts.commands == ["SELECT", "DELETE"])
    #expect(facts.effects == [.read, .write])
  }

  @Test func textsThatDifferInConstantsHaveOneForm() async throws {
    let one = try await facts("SELECT * FROM t WHERE a = 1 AND b = 'x\"\\\n'").get()
    let two = try await facts("SELECT * FROM t WHERE a = 42 AND b = ''").get()
    let other = try await facts("SELECT * FROM t WHERE a = 42 AND c = ''").get()
    #expect(one.form == "SELECT * FROM t WHERE a = $1 AND b = $2")
    #expect(one.fingerprint == two.fingerprint)
    #expect(one.fingerprint != other.fingerprint)
  }

  @Test func namesWithEscapesAreRead() async throws {
    let facts = try await facts("SELECT * FROM \"a\\b\".\"c\"\"d\"").get()
    #expect(facts.tables.map(\.parts) == [["a\\b", "c\"d"]])
  }
}

/// A text that repeats a part, shown short.
struct Repetition: Sendable, CustomTestStringConvertible {
  var head: String
  var part: String
  var count: Int
  var tail: String
  var text: String { head + String(repeating: part, count: count) + tail }
  var testDescription: String { "\(head)\(part)×\(count)\(tail.prefix(20))" }

  init(_ head: String, _ part: String, _ count: Int, _ tail: String = "") {
    self.head = head
    self.part = part
    self.count = count
    self.tail = tail
  }
}

@Suite struct HostileTextTests {
  @Test(arguments: [
    Repetition("SELECT ", "(", 30_000, "1" + String(repeating: ")", count: 30_000)),
    Repetition("SELECT ", "NOT ", 10_000, "true"), Repetition("SELECT ", "case when ", 6000),
    Repetition("SELECT ", "(SELECT ", 7000), Repetition("SELEC", "T", 0),
    Repetition("SELECT 'a", "", 0), Repetition("\u{FFFD}\u{1}\u{7F}", "", 0),
    Repetition("$$", "", 0), Repetition("/*", "", 0), Repetition("SELECT \u{202E}x\"", "", 0),
  ])
  func whatTheParserRefusesHasAReason(text: Repetition) async {
    guard case .failure(.refused(let message)) = await facts(text.text) else {
      Issue.record("it has facts")
      return
    }
    #expect(!message.isEmpty)
  }

  @Test(arguments: [
    Repetition("SELECT 1", "+1", 30_000, " FROM a"), Repetition("SELECT ", "- ", 9900, "1 FROM a"),
    Repetition("SELECT 1", "::a", 20_000, " FROM a"),
    Repetition("SELECT x", "[1]", 20_000, " FROM a"),
    Repetition("SELECT 1 IS NULL", " IS NULL", 7000, " FROM a"),
    Repetition("SELECT 1 FROM a", " UNION SELECT 1 FROM a", 2900),
  ])
  func whatNestsDeeplyIsReadAllTheSame(text: Repetition) async throws {
    let facts = try await facts("\(text.text); DELETE FROM b").get()
    #expect(facts.commands == ["SELECT", "DELETE"])
    #expect(facts.tables.map(\.description) == ["a", "b"])
  }

  @Test func longTextsAreNotLookedAt() async {
    let longest = "SELECT " + String(repeating: "1", count: StatementAnalysis.maximumBytes - 7)
    guard case .success = await facts(longest) else {
      Issue.record("the longest is refused")
      return
    }
    #expect(
      await facts(longest + "1")
        == .failure(.tooLong(bytes: StatementAnalysis.maximumBytes + 1)))
    let parentheses =
      "SELECT " + String(repeating: "(", count: 60_000) + "1"
      + String(repeating: ")", count: 60_000)
    #expect(await facts(parentheses) == .failure(.tooLong(bytes: 120_008)))
  }

  @Test func nothingHidesBehindAZeroByte() async {
    #expect(await facts("SELECT 1\u{0}; DROP TABLE t") == .failure(.zeroByte))
  }

  @Test func garbageDoesNotEndTheProgram() async {
    // A generator of its own, so that a text that fails can be made again.
    var state: UInt64 = 42
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    let words = ["SELECT", "FROM", "(", ")", "a", "'", "\"", "--", "/*", "$1", ";", "E'\\", "U&'"]
    for _ in 0..<2000 {
      let count = next() % 30
      var text = ""
      for _ in 0..<count {
        text +=
          next() % 3 == 0
          ? String(Character(Unicode.Scalar(UInt8(1 + next() % 250))))
          : words[Int(next() % UInt64(words.count))]
        if next() % 2 == 0 { text += " " }
      }
      _ = await facts(text)
    }
  }
}
