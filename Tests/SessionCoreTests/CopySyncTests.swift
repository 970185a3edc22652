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
    #expect(session.core.pipeline.queue.count == 0, sourceLocation: sourceLocation)
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
    session.client(Client.query("copy a"), message("H", "extra"), Client.copyDone)
    session.server(Server.copyIn, Server.complete("COPY 0"), Server.ready())
    #expect(session.outcomes == "1 completed")
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

/// The server takes a Sync behind the COPY that failed for the end of what it discards, or it has
/// swallowed it: what follows before the client's next Sync is discarded or executed.
@Suite struct CopyUncertaintyTests {
  private let copy = all([Client.parse("", "copy"), Client.bind(), Client.execute(), Client.sync])
  private let failed = all([
    Server.parseComplete, Server.bindComplete, Server.copyIn, Server.error("22P04"),
  ])
  private let next = all([
    Client.parse("s", "next"), Client.bind("", "s"), Client.execute(), Client.sync,
  ])

  private func expectEnd(
    _ session: SessionHarness, outcomes: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(session.core.isClosed, sourceLocation: sourceLocation)
    #expect(session.clientErrors.last == "08P01", sourceLocation: sourceLocation)
    #expect(session.refusals.last?.reason == .protocolViolation, sourceLocation: sourceLocation)
    #expect(session.outcomes == outcomes, sourceLocation: sourceLocation)
    #expect(session.begins.count == session.ends.count, sourceLocation: sourceLocation)
  }

  /// As libpq, pg8000 and tokio-postgres send it: a Sync with the Execute, another behind the data.
  @Test(arguments: [true, false]) func aBadRowOfARealClient(_ seesTheErrorFirst: Bool) {
    var session = SessionHarness.ready()
    session.client(copy, Client.copyData("bad"))
    if seesTheErrorFirst { session.server(failed) }
    session.client(Client.copyDone, Client.sync)
    session.client(Client.query("next"))
    if !seesTheErrorFirst { session.server(failed) }
    session.server(Server.ready(), Server.complete("NEXT"), Server.ready())
    #expect(session.outcomes == "1 failed, 2 completed")
    #expect(session.ends.first?.sqlstate == "22P04")
    #expect(session.clientErrors == ["22P04"])
    session.forget()
    session.client(next)
    session.server(Server.parseComplete, Server.bindComplete, Server.complete("N"), Server.ready())
    #expect(types(session.toServer) == "PBES")
    #expect(types(session.toClient) == "12CZ")
    #expect(session.outcomes == "3 completed")
    #expect(session.core.pipeline.queue.count == 0)
  }

  /// The Sync stands behind the bad row, and is answered as well as the client's next.
  @Test func bothSyncsAreAnswered() {
    var session = SessionHarness.ready()
    session.client(copy, Client.copyData("bad"), Client.sync, Client.copyDone, Client.sync, next)
    session.server(failed, Server.ready(), Server.ready())
    session.server(Server.parseComplete, Server.bindComplete, Server.complete("N"), Server.ready())
    #expect(types(session.toClient) == "12GEZZ12CZ")
    #expect(session.outcomes == "1 failed, 2 completed")
    #expect(session.core.pipeline.queue.count == 0)
  }

  static let dependent: [ByteBuffer] = [
    Client.query("q"), Client.parse("", "p"), Client.bind(), Client.describe(portal: ""),
    Client.execute(), Client.close(statement: "s"), Client.functionCall, message("H", "extra"),
  ]

  /// It was sent before the error came.
  @Test(arguments: dependent) func whatIsQueuedBehindSuchASyncEndsTheSession(_ sent: ByteBuffer) {
    var session = SessionHarness.ready()
    session.client(copy, Client.copyData("bad"), Client.sync, Client.copyDone, sent)
    // A function call that is refused has its end already.
    let isRefused = session.ends.count == 1
    session.server(failed)
    #expect(session.clientErrors == ["22P04", "08P01"])
    let others = isRefused ? "2 refused, 1 failed" : "1 failed, 2 unknown"
    expectEnd(session, outcomes: session.begins.count == 2 ? others : "1 failed")
  }

  /// It is sent when the error has come; the client is told instead of the server.
  @Test(arguments: dependent, [1, 3, 1_000]) func whatIsSentBeforeTheNextSyncEndsTheSession(
    _ sent: ByteBuffer, _ piece: Int
  ) {
    var session = SessionHarness.ready()
    session.client(copy, Client.copyData("bad"))
    session.server(failed)
    session.client(Client.copyData("more"), Client.flush, Client.copyDone, Client.copyFail(""))
    #expect(session.core.isReady)
    session.forget()
    var left = sent
    while let slice = left.readSlice(length: min(piece, left.readableBytes)),
      slice.readableBytes > 0
    {
      session.client(slice)
    }
    #expect(["", "X"].contains(types(session.toServer)))
    #expect(session.begins.isEmpty)
    #expect(session.core.isClosed)
    #expect(session.clientErrors == ["08P01"])
    #expect(session.refusals.map(\.reason) == [.protocolViolation])
  }

  /// The ReadyForQuery says that the Sync was not swallowed: nothing is discarded any more.
  @Test func anAnswerOfTheSyncSettlesIt() {
    var session = SessionHarness.ready()
    session.client(copy, Client.copyData("bad"), Client.sync)
    session.server(failed, Server.ready())
    session.client(Client.query("next"))
    session.server(Server.complete("NEXT"), Server.ready())
    #expect(session.outcomes == "1 failed, 2 completed")
    #expect(session.core.pipeline.queue.count == 0)
  }

  /// What the server ends the session for leaves nothing to tell apart.
  @Test func anErrorThatEndsTheConnectionPasses() {
    var session = SessionHarness.ready()
    session.client(copy, Client.copyData("1"), Client.parse("", "p"))
    session.server(Server.parseComplete, Server.bindComplete, Server.copyIn)
    session.server(Server.error("57P01", severity: .fatal))
    session.send(.serverClosed)
    #expect(session.clientErrors == ["57P01"])
    #expect(session.closes.map(\.cause) == [.serverClosed])
    #expect(session.outcomes == "1 failed")
  }

  /// Swallowed while the COPY goes well; whether it is answered with an error does not show else.
  @Test(arguments: [message("H", "extra"), message("S", "extra")], ["Q", "E"])
  func whatHasABodyInTheDataOfAFailedCopyEndsTheSession(_ sent: ByteBuffer, _ kind: String) {
    for isEarly in [true, false] {
      for fails in [true, false] {
        var session = SessionHarness.ready()
        let begin =
          kind == "Q"
          ? Client.query("copy") : all([Client.parse("", "copy"), Client.bind(), Client.execute()])
        let begun =
          kind == "Q"
          ? Server.copyIn : all([Server.parseComplete, Server.bindComplete, Server.copyIn])
        session.client(begin)
        if isEarly { session.client(sent) }
        session.server(begun)
        if !isEarly { session.client(sent) }
        session.client(Client.copyDone, Client.sync)
        if fails {
          session.server(Server.error("22P04"))
          expectEnd(session, outcomes: "1 failed")
        } else {
          session.server(Server.complete("COPY 0"), Server.ready())
          if kind == "Q" { session.server(Server.ready()) }
          #expect(session.outcomes == "1 completed")
          #expect(session.core.pipeline.queue.count == 0)
        }
      }
    }
  }
}

/// What a client can queue without an answer costs each message the same.
@Suite struct CopyCostTests {
  private func seconds(_ count: Int) -> Double {
    let now = MonotonicTime(nanoseconds: 1)
    var core = SessionHarness.ready().core
    let syncs = all(Array(repeating: Client.sync, count: count))
    let ends = all(Array(repeating: Client.copyDone, count: count))
    let duration = ContinuousClock().measure {
      _ = core.handle(.clientBytes(all([syncs, Client.execute(), ends])), at: now)
    }
    #expect(core.pipeline.queue.count == 2 * count + 1)
    return duration / .seconds(1)
  }

  /// Eight times the messages take eight times as long, and not sixty-four times.
  @Test func endsOfCopyBehindManySyncs() {
    let few = (0..<3).map { _ in seconds(100) }.min() ?? 0
    let many = (0..<3).map { _ in seconds(800) }.min() ?? 0
    #expect(many < few * 24, "\(few) s for 200 messages, \(many) s for 1,600")
  }

  /// Syncs that were sent before the server said that it takes data.
  @Test func syncsBeforeTheDataAreNotQueued() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy"), all(Array(repeating: Client.sync, count: 1_000)))
    #expect(session.core.pipeline.queue.count == 1_001)
    session.server(Server.copyIn)
    #expect(session.core.pipeline.queue.count == 1)
    session.client(Client.copyDone)
    session.server(Server.complete("COPY 0"), Server.ready())
    #expect(session.core.pipeline.queue.count == 0)
  }
}
