import GatewayModel
import NIOCore
import Testing

@testable import SessionCore

/// A cancel is about what runs when it comes, and about nothing after that.
@Suite struct CancelTargetTests {
  @Test func anIdleSessionHasNothingToCancel() {
    var session = SessionHarness.ready()
    #expect(session.core.cancelTarget == nil)
    session.client(Client.query("a"))
    session.server(Server.complete("A"), Server.ready())
    #expect(session.core.cancelTarget == nil)
  }

  @Test func theNextQueryIsNotMeant() throws {
    var session = SessionHarness.ready()
    session.client(Client.query("a"))
    session.pass(seconds: 1)
    let target = try #require(session.core.cancelTarget)
    #expect(target.statement == StatementID(1))
    #expect(session.core.isRunning(target))
    // A second one behind it changes nothing for the first.
    session.pass(seconds: 1)
    session.client(Client.query("b"))
    #expect(session.core.isRunning(target))
    session.server(Server.complete("A"))
    #expect(session.core.isRunning(target))
    session.server(Server.ready())
    #expect(!session.core.isRunning(target))
    session.server(Server.complete("B"), Server.ready())
    #expect(!session.core.isRunning(target))
  }

  @Test func theNextExecutionOfAPipelineIsNotMeant() throws {
    var session = SessionHarness.ready()
    let one = all([Client.parse("", "a"), Client.bind(), Client.execute()])
    session.client(one, one, Client.sync)
    session.pass(seconds: 1)
    let target = try #require(session.core.cancelTarget)
    #expect(target.statement == StatementID(1))
    session.server(Server.parseComplete, Server.bindComplete)
    #expect(session.core.isRunning(target))
    session.server(Server.complete("A"))
    #expect(!session.core.isRunning(target))
  }

  /// Sync commits, which can wait for a standby.
  @Test func theSyncOfAStatementIsMeantWithIt() throws {
    var session = SessionHarness.ready()
    session.client(Client.parse("", "a"), Client.bind(), Client.execute(), Client.sync)
    session.pass(seconds: 1)
    let target = try #require(session.core.cancelTarget)
    session.server(Server.parseComplete, Server.bindComplete, Server.complete("A"))
    #expect(session.core.isRunning(target))
    session.pass(seconds: 1)
    session.client(Client.sync)
    #expect(session.core.isRunning(target))
    session.server(Server.ready())
    // The second Sync was sent after the cancel had come.
    #expect(!session.core.isRunning(target))
  }

  /// A Parse can wait for a lock for ever.
  @Test func aParseAloneCanBeCancelled() throws {
    var session = SessionHarness.ready()
    session.client(Client.parse("s", "a"), Client.sync)
    session.pass(seconds: 1)
    let target = try #require(session.core.cancelTarget)
    #expect(target.statement == nil)
    session.pass(seconds: 1)
    session.client(Client.query("next"))
    #expect(session.core.isRunning(target))
    session.server(Server.parseComplete, Server.ready())
    #expect(!session.core.isRunning(target))
  }

  @Test func aFailedPipelineIsOver() throws {
    var session = SessionHarness.ready()
    let one = all([Client.parse("", "a"), Client.bind(), Client.execute()])
    session.client(one, one)
    session.pass(seconds: 1)
    let target = try #require(session.core.cancelTarget)
    session.server(Server.error("42601"))
    #expect(!session.core.isRunning(target))
    #expect(session.core.cancelTarget == nil)
  }

  /// A later statement's Sync was there too when the cancel came; it commits something else.
  @Test func theSyncOfTheNextStatementIsNotMeant() throws {
    var session = SessionHarness.ready()
    let one = all([Client.parse("", "a"), Client.bind(), Client.execute(), Client.sync])
    session.client(one, one)
    let target = try #require(session.core.cancelTarget)
    let prepared = all([Server.parseComplete, Server.bindComplete])
    session.server(prepared, Server.complete("A"))
    #expect(session.core.isRunning(target))
    session.server(Server.ready())
    #expect(!session.core.isRunning(target))
    session.server(prepared, Server.complete("B"))
    #expect(session.core.pipeline.queue.head?.kind == .sync)
    #expect(!session.core.isRunning(target))
  }

  /// Without an execution it is what the server has to do up to the next Sync.
  @Test func theNextParseAndItsSyncAreNotMeant() throws {
    var session = SessionHarness.ready()
    session.client(Client.parse("s", "a"), Client.sync, Client.parse("t", "b"), Client.sync)
    let target = try #require(session.core.cancelTarget)
    #expect(target.statement == nil)
    session.server(Server.parseComplete)
    #expect(session.core.isRunning(target))
    session.server(Server.ready())
    #expect(!session.core.isRunning(target))
    session.server(Server.parseComplete)
    #expect(!session.core.isRunning(target))
  }

  /// Statements behind one that the cancel is about are discarded with it; the Sync is its own.
  @Test func theSyncBehindAFailedStatementIsItsOwn() throws {
    var session = SessionHarness.ready()
    let one = all([Client.parse("", "a"), Client.bind(), Client.execute()])
    session.client(one, one, Client.sync)
    let target = try #require(session.core.cancelTarget)
    session.server(Server.parseComplete, Server.bindComplete, Server.error("57014"))
    #expect(session.core.isRunning(target))
    session.server(Server.ready())
    #expect(!session.core.isRunning(target))
  }
}
