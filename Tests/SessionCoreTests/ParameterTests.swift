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

  /// Each value's text is about 100,000 times as long as its binary form.
  @Test func oneBindDecodesNoMoreThanItsBudget() {
    let value = numeric(weight: 24_999)
    let count = 100
    var session = SessionHarness.ready()
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
    #expect(decoded <= BoundParameters.maximumDecodedBytes)
    #expect(decoded > BoundParameters.maximumDecodedBytes - 100_000)
    #expect(texts == decoded / 99_997)
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
    var session = SessionHarness.ready()
    let wide = numeric(weight: 24_999)
    let small = ByteBuffer(integer: Int32(42))
    session.client(
      Client.parse("", "select", Array(repeating: 1_700, count: 45) + [23]),
      Client.bind(formats: [.binary], Array(repeating: wide, count: 45) + [small]),
      Client.execute(), Client.sync)
    let parameters = session.begins.first?.parameters ?? []
    #expect(parameters.dropLast().last?.value == .binary(wide))
    #expect(parameters.last?.value == .text(ByteBuffer(string: "42")))
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
