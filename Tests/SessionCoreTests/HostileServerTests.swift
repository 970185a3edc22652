import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// A server that says what nobody asked for, or what cannot be read.
@Suite struct HostileServerTests {
  @Test(arguments: [
    Server.ready(), Server.complete("SELECT 1"), Server.row, Server.rowDescription,
    Server.parseComplete, Server.bindComplete, Server.closeComplete, Server.noData, Server.empty,
    Server.suspended, Server.copyIn, Server.copyOut, Server.copyDone, Server.copyData("x"),
    Server.parameterDescription([23]),
  ])
  func answersToNothingEndTheSession(_ answer: ByteBuffer) {
    for isCut in [false, true] {
      var session = SessionHarness.ready()
      if isCut {
        for byte in answer.readableBytesView { session.server(ByteBuffer(bytes: [byte])) }
      } else {
        session.server(answer)
      }
      #expect(types(session.toClient) == "E")
      #expect(session.clientErrors == ["08006"])
      #expect(session.refusals.map(\.reason) == [.serverProtocol])
      #expect(session.refusals.first?.detail.contains("that nothing asked for") == true)
      #expect(session.closes.map(\.cause) == [.ended(.serverProtocol)])
      #expect(types(session.toServer) == "X")
    }
  }

  @Test func anAnswerTooManyIsNoneOfTheNextStatement() {
    var session = SessionHarness.ready()
    session.client(Client.query("a"))
    session.server(Server.complete("A"), Server.ready(), Server.ready())
    #expect(types(session.toClient) == "CZE")
    #expect(session.outcomes == "1 completed")
    session.client(Client.query("b"))
    #expect(session.begins.count == 1)
  }

  /// What a server may say at any moment, it may say to a session at rest.
  @Test func whatNeedsNoQuestionPasses() {
    var session = SessionHarness.ready()
    let unasked = all([
      Server.notice("n"), Server.notification("jobs"), Server.status("TimeZone", "UTC"),
      Server.error("25P02"),
    ])
    session.server(unasked)
    #expect(session.toClient == unasked)
    #expect(session.core.isReady)
  }

  @Test(arguments: [
    message("C", "SELECT 1"), message("C", "A\0B\0"), message("E", ""), message("E", "SERROR\0"),
    message("E", "SERROR\0C22"), message("E", "SERROR\0\0more"), message("S", "TimeZone\0"),
    message("S", "client_encoding\0SJIS"), message("t", "\0\u{2}\0\0\0\u{17}"), message("Z", ""),
    message("Z", "X"), message("Z", "II"),
  ])
  func whatCannotBeReadGoesNoFurther(_ bytes: ByteBuffer) {
    var session = SessionHarness.ready()
    let describe = types(bytes) == "t" ? [Client.describe(statement: ""), Client.sync] : []
    session.client(all(describe), Client.query("select 1"))
    // So that the next answer is due by its type.
    if types(bytes) == "Z" { session.server(Server.empty) }
    session.forget()
    session.server(bytes, Server.ready())
    #expect(types(session.toClient) == "E")
    #expect(session.clientErrors == ["08006"])
    #expect(session.outcomes == "1 unknown")
    #expect(session.refusals.map(\.reason) == [.serverProtocol])
    #expect(session.refusals.first?.detail.hasPrefix("the server broke the protocol: ") == true)
  }

  /// The rest of a message that is longer than what is looked at is not known.
  @Test func longTagsPass() {
    var limits = SessionLimits()
    limits.maximumInspectedServerBytes = 200
    var session = SessionHarness.ready(limits: limits)
    session.client(Client.query("a"))
    let answer = all([Server.complete(String(repeating: "x", count: 500) + " 7"), Server.ready()])
    session.server(answer)
    #expect(session.toClient == answer)
    #expect(session.ends.map(\.rows) == [0])
  }

  @Test func aServerThatIsGoneWithoutAWordIsNamed() {
    var session = SessionHarness.ready()
    session.client(Client.query("a"))
    session.forget()
    session.send(.serverClosed)
    #expect(session.clientErrors == ["08006"])
    #expect(session.closes.map(\.cause) == [.serverClosed])
    #expect(session.closes.map(\.sqlstate) == ["08006"])
    #expect(session.toServer.readableBytes == 0)
  }

  @Test func aServerThatGaveItsReasonHasTheLastWord() {
    var session = SessionHarness.ready()
    session.server(Server.error("57P01", severity: .fatal))
    session.send(.serverClosed)
    #expect(session.clientErrors == ["57P01"])
    #expect(session.closes.map(\.sqlstate) == ["57P01"])
  }

  /// As the server does it: it only logs that a message has an impossible length.
  @Test func aClientThatBrokeTheProtocolIsToldWhatTheServerSays() {
    var session = SessionHarness.ready()
    session.client(
      write { $0.writeMultipleIntegers(UInt8(ascii: "S"), UInt32(3)) })
    session.send(.serverClosed)
    #expect(session.toClient.readableBytes == 0)
    #expect(session.refusals.map(\.reason) == [.protocolViolation])
    #expect(session.closes.map(\.cause) == [.serverClosed])
  }

  @Test func nothingIsSaidInTheMiddleOfARow() {
    var session = SessionHarness.ready()
    session.client(Client.query("a"))
    session.server(Server.row.getSlice(at: 0, length: 8) ?? ByteBuffer())
    session.forget()
    session.send(.serverClosed)
    #expect(session.toClient.readableBytes == 0)
  }
}
