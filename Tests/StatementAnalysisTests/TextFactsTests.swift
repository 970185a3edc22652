import Foundation
import GatewayModel
import StatementAnalysis
import Synchronization
import Testing

/// A thread with the stack that fingerprints of hostile texts need.
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

func textFacts(_ sql: String) async -> Result<TextFacts, AnalysisFailure> {
  await ParserThread.shared.run {
    do throws(AnalysisFailure) {
      return .success(try StatementAnalysis.textFacts(of: sql))
    } catch {
      return .failure(error)
    }
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

@Suite struct TextFactsTests {
  @Test func textsThatDifferInConstantsHaveOneForm() async throws {
    let one = try await textFacts("SELECT * FROM t WHERE a = 1 AND b = 'x\"\\\n'").get()
    let two = try await textFacts("SELECT * FROM t WHERE a = 42 AND b = ''").get()
    let other = try await textFacts("SELECT * FROM t WHERE a = 42 AND c = ''").get()
    #expect(one.form == "SELECT * FROM t WHERE a = $1 AND b = $2")
    #expect(one.fingerprint == two.fingerprint)
    #expect(one.fingerprint != other.fingerprint)
    #expect(one.facts == StatementAnalysis.facts(of: "SELECT * FROM t WHERE a = 1 AND b = 'x'"))
  }

  @Test(arguments: [
    Repetition("SELECT ", "(", 30_000, "1" + String(repeating: ")", count: 30_000)),
    Repetition("SELECT ", "NOT ", 10_000, "true"), Repetition("SELECT ", "case when ", 6000),
    Repetition("SELECT ", "(SELECT ", 7000), Repetition("SELEC", "T", 0),
    Repetition("SELECT 'a", "", 0), Repetition("\u{FFFD}\u{1}\u{7F}", "", 0),
    Repetition("$$", "", 0), Repetition("/*", "", 0), Repetition("SELECT \u{202E}x\"", "", 0),
  ])
  func whatTheParserRefusesHasAReason(text: Repetition) async {
    guard case .failure(.refused(let message)) = await textFacts(text.text) else {
      Issue.record("it has facts")
      return
    }
    #expect(!message.isEmpty)
    #expect(StatementAnalysis.facts(of: text.text) == .opaque(.unparseable))
  }

  @Test(arguments: [
    Repetition("SELECT 1", "+1", 30_000, " FROM a"),
    Repetition("SELECT 1", "::a", 20_000, " FROM a"),
    Repetition("SELECT 1 IS NULL", " IS NULL", 7000, " FROM a"),
    Repetition("SELECT 1 FROM a", " UNION SELECT 1 FROM a", 2900),
  ])
  func whatNestsTooDeeplyIsFoundAllTheSame(text: Repetition) async throws {
    let facts = try await textFacts("\(text.text); DELETE FROM b").get().facts
    #expect(facts.commands == ["SELECT", "DELETE"])
    #expect(facts.tables.map(\.name.description) == ["a", "b"])
    #expect(facts.opacity == .tooDeep)
    #expect(facts.effects == [.read, .write, .unknown])
  }

  @Test func longTextsAreNotLookedAt() async {
    let longest = "SELECT " + String(repeating: "1", count: StatementAnalysis.maximumFormBytes - 7)
    guard case .success = await textFacts(longest) else {
      Issue.record("the longest is refused")
      return
    }
    #expect(
      await textFacts(longest + "1")
        == .failure(.tooLong(bytes: StatementAnalysis.maximumFormBytes + 1)))
  }

  @Test func whatIsNotParsedHasNoForm() async {
    #expect(
      await textFacts(String(repeating: "/*", count: 30_000))
        == .failure(.refused(message: "it has more than is followed")))
  }

  @Test func nothingHidesBehindAZeroByte() async {
    #expect(await textFacts("SELECT 1\u{0}; DROP TABLE t") == .failure(.zeroByte))
  }
}
