import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

@Suite struct CopyTests {
  @Test func simpleCopyIn() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy t from stdin"))
    session.server(Server.copyIn)
    let data = all([Client.copyData("1\n"), Client.copyData("2\n"), Client.copyDone])
    session.client(data)
    session.server(Server.complete("COPY 2"), Server.ready())
    #expect(session.toServer == all([Client.query("copy t from stdin"), data]))
    #expect(session.outcomes == "1 completed")
    #expect(session.ends[0].rows == 2)
  }

  @Test func copyOut() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy t to stdout"))
    let answer = all([
      Server.copyOut, Server.copyData("1\n"), Server.copyData("2\n"), Server.copyDone,
      Server.complete("COPY 2"), Server.ready(),
    ])
    session.server(answer)
    #expect(session.toClient == answer)
    #expect(session.ends[0].rows == 2)
  }

  /// The Sync right behind Execute is read as part of the COPY.
  @Test func syncDuringCopyInIsSwallowed() {
    var session = SessionHarness.ready()
    session.client(
      Client.parse("", "copy"), Client.bind(), Client.execute(), Client.sync,
      Client.copyData("1\n"), Client.copyDone, Client.sync, Client.query("next"))
    session.server(
      Server.parseComplete, Server.bindComplete, Server.copyIn, Server.complete("COPY 1"),
      Server.ready(), Server.complete("NEXT"), Server.ready())
    #expect(session.outcomes == "1 completed, 2 completed")
    #expect(session.ends[1].commandTag == "NEXT")
    #expect(session.core.pipeline.queue.count == 0)
  }

  @Test func syncSentInTheMiddleOfDataIsSwallowed() {
    var session = SessionHarness.ready()
    session.client(
      Client.parse("", "copy"), Client.bind(), Client.execute(), Client.copyData("1\n"),
      Client.sync, Client.copyData("2\n"), Client.copyDone, Client.sync)
    session.server(
      Server.parseComplete, Server.bindComplete, Server.copyIn, Server.complete("COPY 2"))
    session.server(Server.ready())
    #expect(session.outcomes == "1 completed")
    #expect(session.core.pipeline.queue.count == 0)
  }

  @Test func copyFail() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy"))
    session.server(Server.copyIn)
    session.client(Client.copyFail("no"))
    session.server(Server.error("57014", "COPY from stdin failed: no"), Server.ready())
    #expect(session.outcomes == "1 failed")
    #expect(session.ends[0].sqlstate == "57014")
  }

  @Test func failedCopyInAPipelineSkipsToSync() {
    var session = SessionHarness.ready()
    session.client(
      Client.parse("", "copy"), Client.bind(), Client.execute(), Client.copyData("bad"),
      Client.copyDone, Client.bind(), Client.execute(), Client.sync, Client.query("next"))
    session.server(
      Server.parseComplete, Server.bindComplete, Server.copyIn, Server.error("22P04"),
      Server.ready(), Server.complete("NEXT"), Server.ready())
    #expect(session.outcomes == "1 failed, 2 skipped, 3 completed")
  }

  @Test func strayCopyMessagesAreIgnored() {
    var session = SessionHarness.ready()
    session.client(
      Client.copyData("x"), Client.copyDone, Client.copyFail("x"), Client.query("a"),
      Client.copyDone, Client.query("b"))
    session.server(Server.complete("A"), Server.ready(), Server.complete("B"), Server.ready())
    #expect(session.outcomes == "1 completed, 2 completed")
    #expect(session.core.pipeline.queue.count == 0)
  }

  @Test func severalCopiesInOneQuery() {
    var session = SessionHarness.ready()
    session.client(
      Client.query("copy a; copy b"), Client.copyData("1"), Client.copyDone, Client.copyData("2"),
      Client.copyDone, Client.query("next"))
    session.server(Server.copyIn, Server.complete("COPY 1"), Server.copyIn)
    session.server(Server.complete("COPY 1"), Server.ready(), Server.complete("N"), Server.ready())
    #expect(session.outcomes == "1 completed, 2 completed")
    #expect(session.ends[0].rows == 2)
    #expect(session.ends[0].commands == 2)
  }

  /// The server takes the Parse for a mistake in the data, or else answers it: the Bind waits.
  @Test func bindBehindWhatCannotStandInCopyDataWaits() {
    var session = SessionHarness.ready()
    session.client(
      Client.parse("", "copy"), Client.bind(), Client.execute(), Client.parse("s", "x"),
      Client.sync, Client.bind("", "s"), Client.execute())
    session.server(Server.parseComplete, Server.bindComplete, Server.copyIn)
    #expect(types(session.toServer) == "PBEPS")
    session.server(
      Server.error("08P01"),
      Server.error("08P01", "protocol synchronization was lost", severity: .fatal))
    session.send(.serverClosed)
    #expect(session.outcomes.hasPrefix("1 failed"))
    #expect(session.closes.map(\.cause) == [.serverClosed])
  }

  @Test func largeDataPassesWithoutBeingHeld() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy"))
    session.server(Server.copyIn)
    let header = write {
      $0.writeInteger(UInt8(ascii: "d"))
      $0.writeInteger(UInt32(100_000_004))
    }
    session.client(header)
    let part = ByteBuffer(repeating: 7, count: 1_000_000)
    for _ in 0..<100 { session.send(.clientBytes(part)) }
    #expect(session.core.bufferedBytes < 1_000)
    session.client(Client.copyDone)
    #expect(types(session.toServer) == "Qdc")
  }
}
