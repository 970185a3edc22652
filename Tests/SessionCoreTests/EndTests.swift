import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

@Suite struct EndTests {
  @Test func clientTerminates() {
    var session = SessionHarness.ready()
    session.client(Client.query("a"), Client.terminate, Client.query("never"))
    #expect(types(session.toServer) == "QX")
    session.server(Server.complete("A"), Server.ready())
    session.send(.serverClosed)
    #expect(session.outcomes == "1 completed")
    #expect(session.closes.map(\.cause) == [.clientTerminated])
    #expect(session.clientCloses == 1)
    #expect(session.serverCloses == 0)
  }

  @Test func vanishedClientWithoutStatement() {
    var session = SessionHarness.ready()
    session.send(.clientClosed)
    #expect(types(session.toServer) == "X")
    #expect(session.serverCloses == 1)
    #expect(session.closes.map(\.cause) == [.clientClosed])
  }

  /// The server goes on with what it was given; the record says how it ended.
  @Test func vanishedClientWithStatement() {
    var session = SessionHarness.ready()
    session.client(Client.query("update"))
    session.send(.clientClosed)
    #expect(types(session.toServer) == "QX")
    #expect(session.serverCloses == 0)
    session.forget()
    session.server(Server.complete("UPDATE 3"), Server.ready())
    #expect(session.toClient.readableBytes == 0)
    session.send(.serverClosed)
    #expect(session.outcomes == "1 completed")
    #expect(session.closes.map(\.cause) == [.clientClosed])
  }

  @Test func drainHasAnEnd() {
    var session = SessionHarness.ready()
    session.client(Client.query("slow"))
    session.send(.clientClosed)
    session.send(.timerFired(.drain))
    #expect(session.outcomes == "1 unknown")
    #expect(session.serverCloses == 1)
    #expect(session.cancels == 0)
    #expect(session.core.isClosed)
  }

  @Test func vanishedServer() {
    var session = SessionHarness.ready()
    session.client(Client.query("a"), Client.query("b"))
    session.server(Server.rowDescription, Server.rows(2))
    session.send(.serverClosed)
    #expect(session.outcomes == "1 unknown, 2 unknown")
    #expect(session.ends[0].rows == 2)
    #expect(session.closes.map(\.cause) == [.serverClosed])
    #expect(session.clientCloses == 1)
    if case .sessionClose? = session.audit.last {
    } else {
      Issue.record("session.close is not the last record")
    }
  }

  @Test(arguments: [
    (ReasonCode.sessionKilled, "57P01"), (.grantRevoked, "57P01"), (.shutdown, "57P01"),
    (.recordLogUnavailable, "58030"), (.tooManySessions, "53300"),
  ])
  func terminated(_ reason: ReasonCode, _ code: String) {
    var session = SessionHarness.ready()
    session.client(Client.query("a"))
    session.forget()
    session.send(.terminate(reason: reason, detail: "why"))
    #expect(session.clientErrors == [code])
    #expect(types(session.toServer) == "X")
    #expect(session.cancels == 1)
    #expect(session.outcomes == "1 unknown")
    #expect(session.closes.map(\.cause) == [.ended(reason)])
    #expect(session.send(.clientBytes(Client.query("b"))).isEmpty)
    #expect(session.send(.serverBytes(Server.ready())).isEmpty)
    #expect(session.send(.clientClosed).isEmpty)
    #expect(session.send(.serverClosed).isEmpty)
    #expect(session.serverCloses == 1)
    #expect(session.clientCloses == 1)
  }

  /// An error in the middle of a row would be read as the row's bytes.
  @Test func noErrorInTheMiddleOfARow() {
    var session = SessionHarness.ready()
    session.client(Client.query("a"))
    session.server(Server.row.getSlice(at: 0, length: 8) ?? ByteBuffer())
    session.forget()
    session.send(.terminate(reason: .sessionKilled, detail: ""))
    #expect(session.toClient.readableBytes == 0)
    #expect(session.clientCloses == 1)
  }

  @Test func noTerminateInTheMiddleOfCopyData() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy"))
    session.server(Server.copyIn)
    session.client(Client.copyData("1234").getSlice(at: 0, length: 7) ?? ByteBuffer())
    session.forget()
    session.send(.clientClosed)
    #expect(session.toServer.readableBytes == 0)
    #expect(session.serverCloses == 1)
    #expect(session.outcomes == "1 unknown")
  }

  @Test func terminatedWhileConnecting() {
    var session = SessionHarness()
    session.client(Client.startup(), Client.password("x"))
    session.send(.loginVerdict(.granted(SessionHarness.grant(), ServerCredential(password: nil))))
    session.send(.terminate(reason: .shutdown, detail: ""))
    #expect(session.serverCloses == 1)
    #expect(session.closes.isEmpty)
    #expect(session.send(.serverConnected(SessionHarness.connected())).isEmpty)
  }
}
