import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// A server whose answers come out of turn: none of them is booked on another message.
@Suite struct TurnTests {
  /// A script: what the client sends, and what the server answers up to the message that is wrong.
  private func expectEnd(
    _ sent: String, _ answered: String, then wrong: ByteBuffer,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for isCut in [false, true] {
      var session = play(sent, answered, sourceLocation: sourceLocation)
      let shown = types(session.toClient)
      if isCut {
        for byte in wrong.readableBytesView { session.server(ByteBuffer(bytes: [byte])) }
      } else {
        session.server(wrong)
      }
      let what = "\(sent) <- \(answered) \(types(wrong))"
      #expect(types(session.toClient) == shown + "E", "\(what)", sourceLocation: sourceLocation)
      #expect(session.clientErrors.last == "08006", "\(what)", sourceLocation: sourceLocation)
      #expect(
        session.refusals.last?.reason == .serverProtocol, "\(what)", sourceLocation: sourceLocation)
      #expect(
        session.closes.map(\.cause) == [.ended(.serverProtocol)], "\(what)",
        sourceLocation: sourceLocation)
      #expect(session.begins.count == session.ends.count, "\(what)", sourceLocation: sourceLocation)
    }
  }

  private func play(
    _ sent: String, _ answered: String, sourceLocation: SourceLocation = #_sourceLocation
  ) -> SessionHarness {
    var session = SessionHarness()
    session.logIn(allowingFunctionCalls: true)
    session.forget()
    for type in sent { session.client(Self.request(type)) }
    for type in answered {
      session.server(Self.notices)
      session.server(Self.reply(type))
    }
    #expect(session.core.isReady, "\(sent) <- \(answered)", sourceLocation: sourceLocation)
    return session
  }

  private static func request(_ type: Character) -> ByteBuffer {
    switch type {
    case "Q": Client.query("q")
    case "P": Client.parse("", "p")
    case "B": Client.bind()
    case "E": Client.execute()
    case "D": Client.describe(portal: "")
    case "d": Client.describe(statement: "")
    case "C": Client.close(portal: "")
    case "F": Client.functionCall
    case "H": Client.flush
    case "c": Client.copyDone
    case "!": message("H", "extra")
    case "?": message("S", "extra")
    default: Client.sync
    }
  }

  private static let replies: [Character: ByteBuffer] = [
    "1": Server.parseComplete, "2": Server.bindComplete, "3": Server.closeComplete,
    "C": Server.complete("SELECT 1"), "D": Server.row, "T": Server.rowDescription,
    "n": Server.noData, "t": Server.parameterDescription([23]), "I": Server.empty,
    "s": Server.suspended, "G": Server.copyIn, "H": Server.copyOut, "d": Server.copyData("x"),
    "c": Server.copyDone, "V": message("V", "\0\0\0\0"), "Z": Server.ready(),
  ]

  private static func reply(_ type: Character) -> ByteBuffer {
    replies[type] ?? Server.error("22012")
  }

  private static let notices = all([
    Server.notice("n"), Server.notification("jobs"), Server.status("TimeZone", "UTC"),
  ])

  /// What the server says next by what was sent and answered, and nothing else but an error.
  static let states: [(sent: String, answered: String, next: String)] = [
    ("PBES", "", "1"), ("PBES", "1", "2"), ("PBES", "12", "DCIsGHdc"), ("PBES", "12DD", "DCIsGHdc"),
    ("PBES", "12C", "Z"), ("PBES", "12Ds", "Z"), ("PBES", "12I", "Z"), ("PBES", "12E", "Z"),
    ("PBES", "E", "Z"), ("PBES", "1E", "Z"), ("PBEPBES", "12C", "1"),
    ("dS", "", "t"), ("dS", "t", "Tn"), ("dS", "tT", "Z"), ("dS", "tn", "Z"),
    ("DS", "", "Tn"), ("DS", "T", "Z"), ("DS", "n", "Z"), ("CS", "", "3"), ("CS", "3", "Z"),
    ("S", "", "Z"), ("SS", "Z", "Z"), ("S", "E", "Z"), ("?", "", "Z"), ("?", "E", "Z"),
    ("!S", "", ""), ("!S", "E", "Z"),
    ("Q", "", "TDCIGHdc"), ("Q", "T", "TDCIGHdcZ"), ("Q", "TDC", "TDCIGHdcZ"),
    ("Q", "TDCCI", "TDCIGHdcZ"), ("Q", "I", "TDCIGHdcZ"), ("Q", "E", "TDCIGHdcZ"),
    ("Q", "HddcC", "TDCIGHdcZ"), ("QQ", "CZ", "TDCIGHdc"), ("QcQ", "GCZ", "TDCIGHdc"),
    ("QccQ", "GCGCTDCZ", "TDCIGHdc"), ("PBES", "12HddcC", "Z"), ("PBEcS", "12GC", "Z"),
    ("F", "", "V"), ("F", "V", "Z"), ("F", "E", "Z"), ("FQ", "VZ", "TDCIGHdc"),
  ]

  @Test(arguments: states)
  func onlyWhatIsDueIsTaken(_ state: (sent: String, answered: String, next: String)) {
    for (type, reply) in Self.replies {
      guard state.next.contains(type) else {
        expectEnd(state.sent, state.answered, then: reply)
        continue
      }
      var session = play(state.sent, state.answered)
      session.server(Self.notices, reply)
      #expect(session.core.isReady, "\(state) then \(type)")
      #expect(types(session.toClient).last == type, "\(state) then \(type)")
    }
    // An error can come whatever is due.
    var session = play(state.sent, state.answered)
    session.server(Server.error("XX000"))
    #expect(session.core.isReady)
    #expect(types(session.toClient).last == "E")
  }

  /// The client would wait for the end of the Parse for ever.
  @Test func aReadyThatIsTooEarly() {
    expectEnd("PBES", "", then: Server.ready())
    expectEnd("Q", "", then: Server.ready())
  }

  /// An answer that belongs to what was skipped is none of the next statement.
  @Test func nothingComesOfWhatWasSkipped() {
    expectEnd("PBEPBES", "12E", then: Server.parseComplete)
    expectEnd("PBEPBESPBES", "12EZ", then: Server.bindComplete)
  }

  /// What was refused must fail: neither its rows nor its completion may reach the client.
  @Test(arguments: [
    Server.row, Server.rows(3), Server.rowDescription, Server.complete("SELECT 1"),
    Server.bindComplete, Server.parseComplete, Server.empty, Server.suspended, Server.copyOut,
    Server.ready(),
  ])
  func whatIsRefusedHasNoOtherAnswerThanAnError(_ answer: ByteBuffer) {
    let long = String(repeating: "x", count: 100)
    let messages = [
      Client.query(long), Client.parse("", long), Client.bind("", "", [ByteBuffer(string: long)]),
      Client.functionCall,
    ]
    for message in messages {
      var limits = SessionLimits()
      limits.maximumStatementBytes = 64
      var session = SessionHarness.ready(limits: limits)
      session.client(message, Client.sync)
      #expect(session.outcomes == "1 refused")
      session.server(answer)
      #expect(types(session.toClient) == "E")
      #expect(session.clientErrors == ["08006"])
      #expect(session.refusals.last?.reason == .serverProtocol)
      #expect(session.refusals.last?.detail.contains("in answer to refused") == true)
    }
  }

  /// Rows of a chunk that are counted by their headers alone, where another answer is due.
  @Test func manyRowsOutOfTurn() {
    for sent in ["PBES", "dS", "DS", "CS", "S", "F", "!S"] {
      expectEnd(sent, "", then: Server.rows(100))
      expectEnd(sent, "", then: all([Server.copyData("x"), Server.copyData("y")]))
    }
  }
}
