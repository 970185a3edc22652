import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// A session that is silent while nothing of it runs comes to an end, and no other.
@Suite struct IdleTests {
  private func limited() -> SessionHarness {
    var limits = SessionLimits()
    limits.idleTimeout = .seconds(60)
    return SessionHarness.ready(limits: limits)
  }

  private func next(_ effects: Effects) -> Duration? {
    for case .set(.idle, let after) in effects.timers { return after }
    return nil
  }

  @Test func withoutALimitThereIsNoTimer() {
    var session = SessionHarness()
    session.logIn()
    var done = SessionHarness.ready()
    done.pass(seconds: 100_000)
    #expect(done.send(.timerFired(.idle)).isEmpty)
    let end = done.send(.clientClosed)
    #expect(!end.timers.contains(.cancel(.idle)))
  }

  @Test func silenceEndsTheSession() {
    var session = limited()
    session.pass(seconds: 60)
    let end = session.send(.timerFired(.idle))
    #expect(session.clientErrors == ["57P05"])
    #expect(
      String(buffer: session.toClient).contains(
        "terminating connection due to idle-session timeout"))
    #expect(types(session.toServer) == "X")
    #expect(session.closes.map(\.cause) == [.ended(.idleTimeout)])
    #expect(session.closes.map(\.sqlstate) == ["57P05"])
    #expect(end.timers.contains(.cancel(.idle)))
  }

  @Test func anOpenTransactionIsNamed() {
    for status in [TransactionStatus.inTransaction, .failed] {
      var session = limited()
      session.client(Client.query("begin"))
      session.server(Server.complete("BEGIN"), Server.ready(status))
      session.pass(seconds: 61)
      session.send(.timerFired(.idle))
      #expect(session.clientErrors == ["25P03"])
    }
  }

  @Test func theRestOfTheTimeIsWaitedFor() {
    var session = limited()
    session.pass(seconds: 40)
    session.client(Client.sync)
    session.server(Server.ready())
    session.pass(seconds: 20)
    #expect(next(session.send(.timerFired(.idle))) == .seconds(40))
    #expect(session.closes.isEmpty)
    session.pass(seconds: 40)
    session.send(.timerFired(.idle))
    #expect(session.closes.count == 1)
  }

  /// The time of a statement is no silence, and neither is a pipeline that waits for its Sync.
  @Test func whatRunsIsNotIdle() {
    var session = limited()
    session.client(Client.parse("", "slow"), Client.bind(), Client.execute())
    session.pass(seconds: 3_600)
    #expect(next(session.send(.timerFired(.idle))) == .seconds(60))
    session.server(Server.parseComplete, Server.bindComplete, Server.complete("A"))
    session.client(Client.sync)
    session.pass(seconds: 59)
    session.server(Server.ready())
    session.pass(seconds: 1)
    #expect(next(session.send(.timerFired(.idle))) == .seconds(59))
    #expect(session.closes.isEmpty)
  }

  @Test func copyInIsNotIdle() {
    var session = limited()
    session.client(Client.query("copy"))
    session.server(Server.copyIn)
    session.pass(seconds: 120)
    #expect(next(session.send(.timerFired(.idle))) == .seconds(60))
    #expect(session.closes.isEmpty)
  }
}
