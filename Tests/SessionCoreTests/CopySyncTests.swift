import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// Syncs that the server swallows while it takes COPY data, or answers because the COPY has failed.
@Suite struct CopySyncTests {
  private let copy = all([Client.parse("", "copy"), Client.bind(), Client.execute()])
  private let copying = all([Server.parseComplete, Server.bindComplete, Server.copyIn])
  private let probe = all([Client.parse("", "probe"), Client.sync])

  /// Nothing is left over, and what comes next is recorded as it runs.
  private func expectInStep(
    _ session: inout SessionHarness, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    session.forget()
    session.client(probe, Client.bind(), Client.execute(), Client.sync)
    session.server(Server.parseComplete, Server.ready())
    session.server(Server.bindComplete, Server.complete("PROBE"), Server.ready())
    #expect(types(session.toServer) == "PSBES", sourceLocation: sourceLocation)
    #expect(
      session.begins.map { String(buffer: $0.text) } == ["probe"], sourceLocation: sourceLocation)
    #expect(session.ends.map(\.commandTag) == ["PROBE"], sourceLocation: sourceLocation)
    #expect(session.core.pendingReplies == 0, sourceLocation: sourceLocation)
    #expect(session.core.rivals.isEmpty, sourceLocation: sourceLocation)
    #expect(session.core.pipeline.queue.possibleReadies == 0, sourceLocation: sourceLocation)
  }

  /// A Sync where no data has been sent yet is swallowed like any other.
  @Test func syncWithoutData() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy inbox from stdin with (format binary)"))
    session.server(Server.copyIn)
    session.client(Client.flush, Client.flush, Client.sync)
    session.client(Client.copyFail("resync"), Client.sync, Client.copyFail("resync"), Client.sync)
    session.server(Server.error("57014"), Server.ready(), Server.ready(), Server.ready())
    #expect(session.outcomes == "1 failed")
    expectInStep(&session)
  }

  @Test func swallowedSyncsAreNotTakenForLaterOnes() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy pair from stdin"), Client.copyData("50\tgood\n"))
    session.client(Client.sync, Client.sync)
    session.server(Server.copyIn)
    session.client(Client.copyFail("a"), Client.sync, Client.copyFail("b"), Client.sync)
    session.client(Client.query("rollback"))
    session.server(Server.error("57014"), Server.ready(), Server.ready(), Server.ready())
    session.server(Server.complete("ROLLBACK"), Server.ready())
    #expect(session.outcomes == "1 failed, 2 completed")
    expectInStep(&session)
  }

  /// An error that is no Sync's is not booked on one.
  @Test func errorBehindTheRunOfSyncs() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy"), Client.copyData("1"), Client.sync)
    session.server(Server.copyIn)
    session.client(Client.copyFail("a"), Client.sync, Client.bind("", "gone"), Client.sync)
    session.server(Server.error("57014"), Server.ready(), Server.ready())
    session.server(Server.error("26000"), Server.ready())
    #expect(session.outcomes == "1 failed")
    expectInStep(&session)
  }

  /// The data before the Sync was bad: the Sync is answered.
  @Test func syncBehindTheFailure() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy"), Client.copyData("bad"), Client.sync, Client.copyDone)
    session.client(Client.query("next"))
    session.server(Server.copyIn, Server.error("22P04"), Server.ready(), Server.ready())
    session.server(Server.complete("NEXT"), Server.ready())
    #expect(session.outcomes == "1 failed, 2 completed")
    expectInStep(&session)
  }

  /// A Sync with a body gets an error first: a ReadyForQuery before that is of a Sync in the data.
  @Test func malformedSyncBehindTheFailure() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy"), Client.copyData("1"), Client.sync)
    session.client(Client.copyData("bad"), Client.sync, Client.copyDone, message("S", "extra"))
    session.client(Client.bind("", "gone"), Client.sync, probe)
    session.server(Server.copyIn, Server.error("22P04"), Server.ready(), Server.ready())
    session.server(Server.error("08P01"), Server.ready())
    session.server(Server.error("26000"), Server.ready())
    session.server(Server.parseComplete, Server.ready())
    #expect(session.outcomes == "1 failed")
    expectInStep(&session)
  }

  /// COPY into a view fails only after the client was told to send.
  @Test func copyThatFailsBeforeItReads() {
    var session = SessionHarness.ready()
    session.client(copy, Client.sync)
    session.server(copying, Server.error("42809"), Server.ready())
    #expect(session.outcomes == "1 failed")
    expectInStep(&session)
  }

  @Test func secondCopyOfOneQuery() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy a; copy b"))
    session.server(Server.copyIn)
    session.client(Client.copyData("1"), Client.sync, Client.copyDone)
    session.server(Server.complete("COPY 1"), Server.copyIn)
    session.client(Client.copyData("2"), Client.sync, Client.sync, Client.copyDone)
    session.server(Server.complete("COPY 1"), Server.ready())
    #expect(session.outcomes == "1 completed")
    expectInStep(&session)
  }

  /// A Flush with a body is an error outside COPY and nothing inside.
  @Test func malformedFlush() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy a; copy b"), message("H", "extra"))
    session.client(Client.copyFail("x"), Client.sync, Client.copyFail("y"), Client.sync)
    session.server(Server.copyIn, Server.error("57014"), Server.ready())
    session.server(Server.ready(), Server.ready())
    expectInStep(&session)
    session.client(message("H", "extra"), Client.query("q"), Client.sync)
    session.server(Server.error("08P01"), Server.ready())
    #expect(session.outcomes == "2 completed, 3 skipped")
    expectInStep(&session)
  }

  @Test func syncsInACopyDoNotFillTheQueue() {
    var limits = SessionLimits()
    limits.maximumPendingReplies = 4
    var session = SessionHarness.ready(limits: limits)
    session.client(Client.query("copy"))
    session.server(Server.copyIn)
    for _ in 0..<100 { session.client(Client.sync) }
    session.client(Client.copyDone)
    #expect(types(session.toServer) == "Q" + String(repeating: "S", count: 100) + "c")
    session.server(Server.complete("COPY 0"), Server.ready())
    #expect(session.outcomes == "1 completed")
    expectInStep(&session)
  }

  @Test func manySyncsBehindTheFailure() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy"))
    session.server(Server.copyIn)
    session.client(Client.copyData("bad"))
    for _ in 0..<100 { session.client(Client.sync) }
    session.server(Server.error("22P04"), Server.ready())
    for _ in 0..<100 { session.server(Server.ready()) }
    #expect(session.outcomes == "1 failed")
    expectInStep(&session)
  }
}

/// What follows a Sync in COPY data was discarded or executed, and the replies show it only later.
@Suite struct CopyRivalTests {
  private let copy = all([
    Client.parse("", "copy"), Client.bind("p"), Client.execute("p"), Client.copyData("1"),
    Client.sync, Client.copyData("2"), Client.copyDone,
  ])
  private let failed = all([
    Server.parseComplete, Server.bindComplete, Server.copyIn, Server.error("22P04"),
  ])
  private let next = all([
    Client.parse("s", "next"), Client.bind("", "s"), Client.execute(), Client.sync,
  ])
  private let done = all([
    Server.parseComplete, Server.bindComplete, Server.complete("NEXT"), Server.ready(),
  ])

  @Test func executed() {
    var session = SessionHarness.ready()
    session.client(copy, next)
    session.server(failed, Server.ready())
    #expect(session.core.rivals.count == 1)
    #expect(session.ends.isEmpty)
    session.server(done)
    #expect(session.outcomes == "1 failed, 2 completed")
    #expect(session.core.rivals.isEmpty)
    #expect(session.core.pendingReplies == 0)
  }

  @Test func discarded() {
    var session = SessionHarness.ready()
    session.client(copy, next, Client.query("last"))
    session.server(failed, Server.ready(), Server.complete("LAST"), Server.ready())
    #expect(session.outcomes == "1 failed, 2 skipped, 3 completed")
    #expect(session.core.pendingReplies == 0)
  }

  /// The client goes on after what it saw; nothing was sent that told which it is.
  @Test func discardedBeforeTheNextIsSent() {
    var session = SessionHarness.ready()
    session.client(copy, next)
    session.server(failed, Server.ready())
    session.client(Client.query("last"))
    session.server(Server.complete("LAST"), Server.ready())
    #expect(session.outcomes == "1 failed, 2 skipped, 3 completed")
  }

  /// What `s` stands for depends on it, so the session asks; what it asks nobody sees.
  @Test(arguments: [true, false]) func nameThatDependsOnIt(_ wasExecuted: Bool) throws {
    var session = SessionHarness.ready()
    session.client(Client.parse("s", "first"), Client.sync)
    session.server(Server.parseComplete, Server.ready())
    session.client(
      copy, Client.close(statement: "s"), Client.parse("s", "second"), Client.sync,
      Client.bind("", "s"), Client.execute(), Client.sync)
    session.forget()
    session.server(failed, Server.ready())
    #expect(types(session.toServer) == "CH")
    #expect(session.begins.isEmpty)
    if wasExecuted {
      // Not distinguishable from the answer to the question until one more comes.
      session.server(Server.closeComplete)
      #expect(session.core.isClosed)
      #expect(session.clientErrors.last == "08P01")
      return
    }
    session.server(Server.closeComplete)
    #expect(session.core.isClosed)
  }

  @Test(arguments: [true, false]) func preparedOrNot(_ wasExecuted: Bool) throws {
    var session = SessionHarness.ready()
    session.client(copy, Client.parse("s", "next"), Client.sync)
    session.client(Client.bind("", "s"), Client.execute(), Client.sync)
    session.forget()
    session.server(failed, Server.ready())
    #expect(types(session.toServer) == "CH")
    if wasExecuted { session.server(Server.parseComplete, Server.ready()) }
    session.server(Server.closeComplete)
    #expect(types(session.toServer) == "CHBES")
    #expect(types(session.toClient) == (wasExecuted ? "12GEZ1Z" : "12GEZ"))
    #expect(session.begins.map { String(buffer: $0.text) } == [wasExecuted ? "next" : ""])
    session.server(Server.error("26000"), Server.ready())
    #expect(session.core.rivals.isEmpty)
    #expect(session.core.pendingReplies == 0)
  }

  /// The error can be that of what was discarded or of what came next: only a later reply tells.
  @Test func sameRepliesEitherWay() {
    var session = SessionHarness.ready()
    session.client(copy, Client.execute("gone"), Client.sync, Client.execute("gone"), Client.sync)
    session.server(failed, Server.ready(), Server.error("34000"), Server.ready())
    #expect(session.ends.isEmpty)
    session.client(Client.query("last"))
    session.server(Server.rowDescription, Server.complete("SELECT 0"), Server.ready())
    #expect(session.outcomes == "1 failed, 2 skipped, 3 failed, 4 completed")
    #expect(session.core.rivals.isEmpty)
  }

  @Test func convergingReadings() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy"), message("H", "extra"), Client.copyFail(""))
    session.server(Server.copyIn)
    session.client(Client.parse("", "\0"), Client.sync)
    session.server(Server.error("57014"), Server.ready(), Server.error("08P01"), Server.ready())
    #expect(session.core.rivals.isEmpty)
    #expect(session.outcomes == "1 failed")
  }

  /// The server has said nothing that tells: what is not certain is not claimed.
  @Test func endBeforeItIsKnown() {
    var session = SessionHarness.ready()
    session.client(copy, next)
    session.server(failed, Server.ready())
    session.send(.serverClosed)
    #expect(session.outcomes == "1 failed, 2 unknown")
  }

  @Test func moreReadingsThanAreFollowedEndTheSession() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy"))
    for _ in 0..<20 { session.client(Client.sync, message("H", "extra")) }
    session.server(Server.copyIn, Server.error("57014"))
    #expect(session.core.isClosed)
    #expect(session.clientErrors.last == "08P01")
    #expect(session.begins.count == session.ends.count)
  }
}
