import CStatementWalk
import Foundation
import GatewayModel
import StatementAnalysis
import Synchronization
import Testing

/// What texts cannot do to the program that looks at them.
@Suite struct LimitTests {
  @Test func longTextsAreOpaque() {
    let longest = "SELECT " + String(repeating: "1", count: StatementAnalysis.maximumBytes - 7)
    #expect(StatementAnalysis.facts(of: longest).opacity == nil)
    #expect(StatementAnalysis.facts(of: longest + "1") == .opaque(.tooLong))
  }

  @Test func depthHasALimit() {
    // Each `+` is a level; the statement, its target and the first 1 are three more.
    let deepest = "SELECT 1" + String(repeating: "+1", count: StatementAnalysis.maximumDepth - 3)
    #expect(StatementAnalysis.facts(of: deepest).opacity == nil)
    #expect(StatementAnalysis.facts(of: deepest + "+1").opacity == .tooDeep)
  }

  @Test(arguments: [
    Repetition("SELECT 1", ",1", 300_000), Repetition("SELECT * FROM t0", ",t", 0, many("t")),
    Repetition("SELECT c0", "", 0, many("c")), Repetition("SELECT 1", "", 0, many("f", "()")),
    Repetition("SELECT 1", ";SET s.x", 0, (0...1000).map { ";SET s.x\($0) = 1" }.joined()),
  ])
  func numbersHaveALimit(text: Repetition) {
    let facts = StatementAnalysis.facts(of: text.text)
    #expect(facts.opacity == .tooMany)
    #expect(facts.effects.contains(.unknown))
    for count in [
      facts.tables.count, facts.columns.count, facts.functions.count, facts.settings.count,
    ] {
      #expect(count <= StatementAnalysis.maximumNames)
    }
  }

  private static func many(_ word: String, _ tail: String = "") -> String {
    (1...StatementAnalysis.maximumNames + 1).map { ",\(word)\($0)\(tail)" }.joined()
  }

  @Test(arguments: [
    [UInt8](repeating: 0, count: 1), Array("SELECT 1\u{0}; DROP TABLE t".utf8), [0xFF],
    Array("SELECT '".utf8) + [0xC0, 0xAF] + Array("'".utf8), [0xED, 0xA0, 0x80], [0xE2, 0x82],
    [0xF4, 0x90, 0x80, 0x80], Array("SELECT 12345678".utf8) + [0x80],
  ])
  func whatIsNoTextIsOpaque(bytes: [UInt8]) {
    #expect(bytes.withUnsafeBytes { StatementAnalysis.facts(of: $0) } == .opaque(.encoding))
  }

  @Test func textsInAllScriptsAreRead() {
    let facts = StatementAnalysis.facts(of: "SELECT \"ä\", 'ł', '日本', '🐘' FROM \"Größe\" -- ёж")
    #expect(facts.tables.map(\.name.parts) == [["Größe"]])
    #expect(facts.opacity == nil)
    #expect(
      StatementAnalysis.facts(of: UnsafeRawBufferPointer(start: nil, count: 0)).opacity == nil)
  }

  static let hostile = [
    Repetition("SELECT 1", "+1", 100_000), Repetition("SELECT ", "(", 100_000),
    Repetition("SELECT 1 WHERE 1 IN (1", ",1", 200_000, ")"),
    Repetition("SELECT ", "CASE WHEN true THEN ", 30_000),
    Repetition("SELECT 1 FROM t WHERE a", " OR a", 60_000),
    Repetition("SELECT 1", " UNION ALL SELECT 1", 5000), Repetition("SELECT ", "NOT ", 100_000),
    Repetition("SELECT ", "- ", 100_000, "1"), Repetition("SELECT 1", "::int", 100_000),
    Repetition("SELECT a", "[1]", 100_000), Repetition("SELECT a", ".a", 100_000),
    Repetition("SELECT ", "f(", 50_000), Repetition("", ";", 500_000),
    Repetition("", "SELECT 1;", 50_000), Repetition("", "/*", 200_000),
    Repetition("SELECT ", "+", 500_000, "1"),
    Repetition("SELECT 1 ", "*+", 300_000, "1"), Repetition("/*", "=", 500_000, "*/ SELECT 1"),
    Repetition("SELECT '", "/*", 500_000, "'"), Repetition("SELECT $a$", "$b", 300_000, "$a$"),
    Repetition("SELECT E'", "\\'", 300_000, "'"), Repetition("SELECT 'a'", "\n'a'", 200_000),
    Repetition("SELECT 1", "--\n", 200_000),
    Repetition("SELECT 'a", "''", 300_000, "'"),
    Repetition("SELECT 1 FROM a", " JOIN a ON true", 30_000),
    Repetition("SELECT 1 FROM ", "(SELECT 1 FROM ", 30_000),
    Repetition("SELECT array", "[", 100_000),
    Repetition("WITH a AS (", "WITH a AS (", 30_000),
    Repetition("WITH a0 AS (SELECT 1)", ", a AS (SELECT 1)", 40_000, " SELECT 1"),
    Repetition("SELECT ", "'a' || ", 90_000, "'a'"),
  ]

  /// The ordinary stack of a thread that a library makes.
  @Test func hostileTextsNeedNoStack() async {
    let times: [(String, Double)] = await withCheckedContinuation { continuation in
      let thread = Thread {
        continuation.resume(
          returning: Self.hostile.map { text in
            let sql = text.text
            let start = ContinuousClock.now
            _ = StatementAnalysis.facts(of: sql)
            return (text.testDescription, (ContinuousClock.now - start) / .milliseconds(1))
          })
      }
      thread.stackSize = 512 << 10
      thread.start()
    }
    #expect(times.count == Self.hostile.count)
    for (text, milliseconds) in times {
      #expect(milliseconds < 2000, "\(text)")
    }
  }

  /// libpg_query alone takes a thread-specific key for each thread, of which there are 1024.
  @Test func threadsComeAndGo() async {
    for _ in 0..<150 {
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<10 {
          group.addTask {
            await withCheckedContinuation { continuation in
              let thread = Thread {
                let facts = StatementAnalysis.facts(of: "SELECT a FROM t WHERE b = 1")
                #expect(facts.tables.count == 1)
                continuation.resume()
              }
              thread.stackSize = 512 << 10
              thread.start()
            }
          }
        }
      }
    }
    // Libraries that find no key left fail.
    var key = pthread_key_t()
    #expect(pthread_key_create(&key, nil) == 0)
    pthread_key_delete(key)
  }

  @Test func effectsHaveTheBitsOfTheModel() {
    let bits: [(Int, StatementEffects)] = [
      (CSW_READ, .read), (CSW_WRITE, .write), (CSW_DDL, .ddl), (CSW_PRIVILEGE, .privilege),
      (CSW_SESSION, .session), (CSW_PROGRAM, .program), (CSW_UNKNOWN, .unknown),
      (CSW_MAINTENANCE, .maintenance), (CSW_LOCK, .lock), (CSW_TRANSACTION, .transaction),
      (CSW_SETTING, .setting),
    ]
    #expect(bits.count == StatementEffect.allCases.count)
    for (bit, effect) in bits { #expect(UInt16(bit) == effect.rawValue) }
  }

  @Test func garbageDoesNotEndTheProgram() {
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
      _ = StatementAnalysis.facts(of: text)
    }
  }
}
