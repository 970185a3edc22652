import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// What a Bind's parameters become in the record.
@Suite struct ParameterTests {
  private let prepared = all([Server.parseComplete, Server.bindComplete])

  /// A `numeric` of 10 bytes whose text has `digits` digits and more zeros behind them.
  private func numeric(weight: Int16) -> ByteBuffer {
    write { $0.writeMultipleIntegers(UInt16(1), weight, UInt16(0), UInt16(0), UInt16(1)) }
  }

  /// A fortieth of what an agent allows, so that a test need not decode megabytes.
  private var narrow: SessionLimits {
    var limits = SessionLimits()
    limits.maximumDecodedBytes = 100_000
    return limits
  }

  @Test func anAgentAllowsMegabytes() {
    #expect(SessionLimits().maximumDecodedBytes == SizeLimits.decodedBytes)
  }

  /// Each value's text is about 250 times as long as its binary form.
  @Test func oneBindDecodesNoMoreThanItsBudget() {
    let value = numeric(weight: 624)
    let count = 100
    var session = SessionHarness.ready(limits: narrow)
    session.client(
      Client.parse("", "select", Array(repeating: 1_700, count: count)),
      Client.bind(formats: [.binary], Array(repeating: value, count: count)),
      Client.execute(), Client.sync)
    let parameters = session.begins.first?.parameters ?? []
    #expect(parameters.count == count)
    var texts = 0
    var decoded = 0
    for parameter in parameters {
      switch parameter.value {
      case .text(let text):
        texts += 1
        decoded += text.readableBytes
      case .binary(let bytes): #expect(bytes == value)
      case .null: Issue.record("a value became null")
      }
    }
    #expect(decoded <= narrow.maximumDecodedBytes)
    #expect(decoded > narrow.maximumDecodedBytes - 2 * 2_497)
    #expect(texts == decoded / 2_497)
    // The next Bind has a budget of its own.
    session.client(
      Client.bind(formats: [.binary], Array(repeating: value, count: count)), Client.execute(),
      Client.sync)
    session.server(prepared, Server.complete("SELECT 0"), Server.ready())
    let again = session.begins.last?.parameters.count {
      if case .text = $0.value { true } else { false }
    }
    #expect(session.begins.count == 2)
    #expect(again == texts)
  }

  /// A value that does not fit is kept as it came; a shorter one behind it is still readable.
  @Test func aValueBeyondTheBudgetDoesNotHideTheNext() {
    var session = SessionHarness.ready(limits: narrow)
    let wide = numeric(weight: 624)
    let small = ByteBuffer(integer: Int32(42))
    session.client(
      Client.parse("", "select", Array(repeating: 1_700, count: 45) + [23]),
      Client.bind(formats: [.binary], Array(repeating: wide, count: 45) + [small]),
      Client.execute(), Client.sync)
    let parameters = session.begins.first?.parameters ?? []
    #expect(parameters.dropLast().last?.value == .binary(wide))
    #expect(parameters.last?.value == .text(ByteBuffer(string: "42")))
  }

  /// A zero of a huge weight: 131,072 digits that print as one. A Bind of 12 kB took as long as
  /// seconds; now the work is that of what is printed, and bounded whatever a Bind holds.
  @Test func aBindOfManyHugeZerosHoldsNobodyUp() {
    let count = 100_000
    var zeros = write {
      for word in [1, 0, 1_700, UInt32(count), 1] { $0.writeInteger(word) }
    }
    for _ in 0..<count {
      zeros.writeMultipleIntegers(UInt32(8), UInt16(0), UInt16(0x7FFF), UInt16(0), UInt16(0))
    }
    var session = SessionHarness.ready()
    let start = ContinuousClock.now
    session.client(
      Client.parse("", "select $1::numeric[]", [1_231, 1_231, 1_231, 23]),
      Client.bind(formats: [.binary], [zeros, zeros, zeros, ByteBuffer(integer: Int32(42))]),
      Client.execute(), Client.sync)
    #expect(start.duration(to: .now) < .seconds(20))
    let parameters = session.begins.first?.parameters.map(\.value) ?? []
    #expect(parameters.count == 4)
    guard parameters.count == 4, case .text(let first) = parameters[0] else {
      Issue.record("the first array was not decoded: \(parameters.count)")
      return
    }
    #expect(first.readableBytes == 2 * count + 1)
    // The work of the third is not done to the end; what is behind it is kept as it came.
    #expect(parameters[2] == .binary(zeros))
    #expect(parameters[3] == .binary(ByteBuffer(integer: Int32(42))))
  }

  @Test func failedDecodingIsWorkToo() {
    // 41 numbers of 2,500 digits use the work up, and are no text: the last element is broken.
    var broken = write { for word in [1, 0, 1_700, 11, 1] as [UInt32] { $0.writeInteger(word) } }
    for _ in 0..<10 {
      var digits = numeric(weight: 624)
      broken.writeInteger(UInt32(digits.readableBytes))
      broken.writeBuffer(&digits)
    }
    broken.writeInteger(UInt32(3))
    broken.writeBytes([1, 2, 3])
    let values = Array(repeating: broken, count: 10) + [numeric(weight: 624)]
    var session = SessionHarness.ready(limits: narrow)
    session.client(
      Client.parse("", "select", Array(repeating: 1_231, count: 10) + [1_700]),
      Client.bind(formats: [.binary], values), Client.execute(), Client.sync)
    let parameters = session.begins.first?.parameters.map(\.value) ?? []
    // Decoded alone it would be a text.
    #expect(parameters == values.map { .binary($0) })
  }

  @Test func longParametersStandInTheFirstBeginOfTheirPortal() {
    var session = SessionHarness.ready()
    let long = ByteBuffer(repeating: 0x61, count: 10_000)
    session.client(
      Client.parse("s", "select $1", [25]), Client.bind("p", "s", [long]),
      Client.execute("p", rows: 1), Client.execute("p", rows: 1), Client.execute("p"), Client.flush)
    #expect(session.begins.map(\.parameters.count) == [1, 0, 0])
    #expect(session.begins.map(\.portal) == ["p", "p", "p"])
    // A portal of the same name is another one.
    session.client(Client.bind("p", "s", [long]), Client.execute("p"), Client.execute("p"))
    #expect(session.begins.map(\.parameters.count) == [1, 0, 0, 1, 0])
  }

  @Test func shortParametersStandInEveryBegin() {
    var session = SessionHarness.ready()
    session.client(
      Client.parse("s", "select $1", [25]), Client.bind("p", "s", [ByteBuffer(string: "x")]),
      Client.execute("p", rows: 1), Client.execute("p", rows: 1), Client.sync)
    #expect(session.begins.map(\.parameters.count) == [1, 1])
  }

  @Test(arguments: [
    (Int.min, 10_000), (0, 10_000), (10_000, 10_000), (1 << 20, 1 << 20),
    (.max, SizeLimits.statementBytes.upperBound),
  ])
  func aStatementLimitIsTakenWithinBounds(_ asked: Int, _ taken: Int) {
    var limits = SessionLimits()
    limits.setMaximumStatementBytes(asked)
    #expect(limits.maximumStatementBytes == taken)
  }
}
