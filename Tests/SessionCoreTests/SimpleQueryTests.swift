import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

@Suite struct SimpleQueryTests {
  @Test func oneStatement() throws {
    var session = SessionHarness.ready()
    session.client(Client.query("select 1"))
    let begin = try #require(session.begins.first)
    #expect(String(buffer: begin.text) == "select 1")
    #expect(begin.kind == .simple)
    #expect(begin.transactionStatus == UInt8(ascii: "I"))
    #expect(session.toServer == Client.query("select 1"))
    #expect(session.core.currentStatement == StatementID(1))
    session.pass(seconds: 2)
    let answer = all([
      Server.rowDescription, Server.rows(3), Server.complete("SELECT 3"), Server.ready(),
    ])
    session.server(answer)
    #expect(session.toClient == answer)
    let end = try #require(session.ends.first)
    #expect(end.outcome == .completed)
    #expect(end.rows == 3)
    #expect(end.commands == 1)
    #expect(end.commandTag == "SELECT 3")
    #expect(end.serverNanoseconds == 2_000_000_000)
    #expect(end.bytes == UInt64(answer.readableBytes - Server.ready().readableBytes))
    #expect(session.core.currentStatement == nil)
  }

  /// The record stands in the same effects as the bytes it covers, before them.
  @Test func beginComesWithTheBytes() {
    var session = SessionHarness.ready()
    let effects = session.send(
      .clientBytes(all([Client.query("a"), Client.query("b"), Client.query("c")])))
    #expect(effects.audit.count == 3)
    #expect(types(effects.server.send.joined) == "QQQ")
  }

  @Test func severalCommandsAreSummed() throws {
    var session = SessionHarness.ready()
    session.client(Client.query("insert; select; show"))
    session.server(
      Server.complete("INSERT 0 5"), Server.rowDescription, Server.rows(2),
      Server.complete("SELECT 2"))
    #expect(session.ends.isEmpty)
    session.server(Server.rowDescription, Server.row, Server.complete("SHOW"), Server.ready())
    let end = try #require(session.ends.first)
    #expect(end.rows == 8)
    #expect(end.commands == 3)
    #expect(end.commandTag == "SHOW")
  }

  @Test func errorEndsWithItsCode() throws {
    var session = SessionHarness.ready()
    session.client(Client.query("bad"))
    session.server(Server.error("42601", "syntax error"))
    #expect(types(session.toClient) == "E")
    #expect(session.ends.isEmpty)
    session.server(Server.ready())
    let end = try #require(session.ends.first)
    #expect(end.outcome == .failed)
    #expect(end.sqlstate == "42601")
    #expect(end.message == "syntax error")
    session.client(Client.query("good"))
    session.server(Server.empty, Server.ready(.inTransaction))
    #expect(session.outcomes == "1 failed, 2 completed")
    session.client(Client.query("again"))
    #expect(session.begins.last?.transactionStatus == UInt8(ascii: "T"))
  }

  @Test func asynchronousMessagesPassAtAnyMoment() {
    var session = SessionHarness.ready()
    session.server(Server.notification("jobs"))
    session.client(Client.query("listen jobs"))
    let answer = all([
      Server.notice("n"), Server.status("TimeZone", "UTC"), Server.complete("LISTEN"),
      Server.notification("jobs"), Server.ready(), Server.notification("jobs"),
    ])
    session.server(answer)
    #expect(session.toClient == all([Server.notification("jobs"), answer]))
    #expect(session.outcomes == "1 completed")
  }

  @Test func malformedQueryIsRecordedAsItCame() {
    var session = SessionHarness.ready()
    let bytes = message("Q", "select 1\0drop")
    session.client(bytes)
    #expect(String(buffer: session.begins[0].text) == "select 1\0drop")
    #expect(session.toServer == bytes)
  }

  @Test func longErrorIsReadFromItsBeginning() throws {
    var limits = SessionLimits()
    limits.maximumInspectedServerBytes = 200
    limits.maximumRecordedMessageBytes = 9
    var session = SessionHarness.ready(limits: limits)
    session.client(Client.query("x"))
    let error = Server.error("22P02", String(repeating: "é", count: 5_000))
    session.server(error, Server.ready())
    #expect(session.toClient == all([error, Server.ready()]))
    let end = try #require(session.ends.first)
    #expect(end.sqlstate == "22P02")
    #expect(end.message == "éééé")
  }

  @Test func unknownTypesGoNoFurther() {
    var session = SessionHarness.ready()
    session.client(message("?", "xxxx"), Client.query("drop table t"))
    #expect(session.toServer == ByteBuffer(string: "?"))
    #expect(session.begins.isEmpty)
    #expect(session.refusals.map(\.reason) == [.protocolViolation])
    session.client(Client.query("drop table t"))
    #expect(session.toServer == ByteBuffer(string: "?"))
    session.server(Server.error("08P01", severity: .fatal))
    session.send(.serverClosed)
    #expect(session.closes.map(\.cause) == [.serverClosed])
    #expect(session.closes.map(\.sqlstate) == ["08P01"])
  }

  @Test(arguments: [3, 0, 0x8000_0000, 0xFFFF_FFFF] as [UInt32])
  func lengthsOutOfRangeGoNoFurther(_ length: UInt32) {
    var session = SessionHarness.ready()
    let header = write {
      $0.writeInteger(UInt8(ascii: "Q"))
      $0.writeInteger(length)
    }
    session.client(header, Client.query("drop table t"))
    #expect(session.toServer == header)
    #expect(session.begins.isEmpty)
    session.send(.timerFired(.drain))
    #expect(session.clientCloses == 1)
    #expect(session.serverCloses == 1)
  }

  @Test func serverLengthsOutOfRangeEndTheSession() {
    for length in [3, 0x4000_0000, 0xFFFF_FFFF] as [UInt32] {
      var session = SessionHarness.ready()
      session.client(Client.query("x"))
      session.server(
        write {
          $0.writeInteger(UInt8(ascii: "D"))
          $0.writeInteger(length)
        })
      #expect(session.clientErrors == ["08006"])
      #expect(session.outcomes == "1 unknown")
      #expect(session.refusals.map(\.reason) == [.serverProtocol])
    }
  }

  @Test func protectedSettingsEndTheSession() {
    for (name, value) in [("standard_conforming_strings", "off"), ("client_encoding", "GBK")] {
      var session = SessionHarness.ready()
      session.client(Client.query("set x"))
      session.server(Server.complete("SET"), Server.status(name, value), Server.ready())
      #expect(types(session.toClient) == "CE")
      #expect(session.clientErrors == ["57P01"])
      #expect(session.outcomes == "1 unknown")
      #expect(session.closes.map(\.cause) == [.ended(.protectedSetting)])
      #expect(types(session.toServer) == "QX")
    }
  }

  @Test(arguments: [("x", 64), ("é", 32), ("\u{1F600}", 16), ("€", 21)])
  func aLongCommandTagIsCutForTheRecordAlone(_ character: String, _ kept: Int) {
    var session = SessionHarness.ready()
    let tag = String(repeating: character, count: 100_000) + " 7"
    session.client(Client.query("select"))
    session.server(Server.complete(tag), Server.ready())
    #expect(session.ends.map(\.commandTag) == [String(repeating: character, count: kept)])
    #expect(session.ends.map(\.rows) == [7])
    #expect(session.toClient == all([Server.complete(tag), Server.ready()]))
  }
}
