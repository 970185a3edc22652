import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

@Suite struct ExtendedPipelineTests {
  private let prepared = all([Server.parseComplete, Server.bindComplete])

  @Test func executionWithParameters() throws {
    var session = SessionHarness.ready()
    let bytes = all([
      Client.parse("", "select $1, $2, $3, $4", [23, 25, 0, 99_999]),
      Client.bind(
        formats: [.binary, .text, .text, .binary],
        [
          ByteBuffer(integer: Int32(42)), ByteBuffer(string: "x"), nil, ByteBuffer(bytes: [1, 2]),
        ]),
      Client.execute(rows: 5), Client.sync,
    ])
    session.client(bytes)
    #expect(session.toServer == bytes)
    let begin = try #require(session.begins.first)
    #expect(begin.kind == .extended)
    #expect(String(buffer: begin.text) == "select $1, $2, $3, $4")
    #expect(begin.rowLimit == 5)
    #expect(
      begin.parameters == [
        StatementParameter(typeOID: 23, value: .text(ByteBuffer(string: "42"))),
        StatementParameter(typeOID: 25, value: .text(ByteBuffer(string: "x"))),
        StatementParameter(typeOID: 0, value: .null),
        StatementParameter(typeOID: 99_999, value: .binary(ByteBuffer(bytes: [1, 2]))),
      ])
    session.server(prepared, Server.rows(2), Server.complete("SELECT 2"), Server.ready())
    #expect(session.outcomes == "1 completed")
    #expect(session.ends[0].rows == 2)
  }

  @Test func describedTypesDecodeBinary() {
    var session = SessionHarness.ready()
    session.client(Client.parse("s", "select $1"), Client.describe(statement: "s"), Client.sync)
    session.server(
      Server.parseComplete, Server.parameterDescription([20]), Server.rowDescription,
      Server.ready())
    session.client(
      Client.bind("", "s", formats: [.binary], [ByteBuffer(integer: Int64(7))]), Client.execute(),
      Client.sync)
    #expect(
      session.begins[0].parameters
        == [StatementParameter(typeOID: 20, value: .text(ByteBuffer(string: "7")))])
    #expect(session.begins[0].preparedStatement == "s")
  }

  @Test func suspensionGivesAPairForEachExecute() {
    var session = SessionHarness.ready()
    session.client(
      Client.parse("", "select"), Client.bind("p"), Client.execute("p", rows: 2), Client.flush)
    session.server(prepared, Server.rows(2), Server.suspended)
    #expect(session.outcomes == "1 suspended")
    #expect(session.ends[0].rows == 2)
    session.client(Client.execute("p"), Client.sync)
    session.server(Server.row, Server.complete("SELECT 1"), Server.ready())
    #expect(session.outcomes == "1 suspended, 2 completed")
    #expect(session.begins[1].textVersion == session.begins[0].textVersion)
    #expect(session.ends[1].rows == 1)
  }

  @Test func errorSkipsToSync() {
    var session = SessionHarness.ready()
    session.client(
      Client.parse("", "a"), Client.bind(), Client.execute(), Client.bind(), Client.execute(),
      Client.query("q"), Client.sync, Client.bind("", "gone"), Client.execute(), Client.sync)
    session.server(prepared, Server.error("22012"))
    #expect(session.outcomes == "1 failed, 2 skipped, 3 skipped")
    session.server(Server.ready(), Server.error("26000"), Server.ready())
    #expect(session.outcomes == "1 failed, 2 skipped, 3 skipped, 4 failed")
  }

  /// `P(err) Q S` gives one ReadyForQuery, `P B E Q S` two.
  @Test func queryInsideAPipeline() {
    var failed = SessionHarness.ready()
    failed.client(Client.parse("", "bad"), Client.query("q"), Client.sync)
    failed.server(Server.error("42601"), Server.ready())
    #expect(failed.outcomes == "1 skipped")
    #expect(failed.core.pipeline.queue.count == 0)
    var good = SessionHarness.ready()
    good.client(
      Client.parse("", "a"), Client.bind(), Client.execute(), Client.query("q"), Client.sync)
    good.server(prepared, Server.complete("A"))
    #expect(good.outcomes == "1 completed")
    good.server(Server.complete("Q"), Server.ready())
    #expect(good.outcomes == "1 completed, 2 completed")
    good.server(Server.ready())
    #expect(good.core.pipeline.queue.count == 0)
  }

  /// An Execute whose own Parse or Bind failed has failed with that error; the next is skipped.
  @Test func failureOfThePreparationIsTheStatements() {
    var session = SessionHarness.ready()
    session.client(
      Client.parse("", "bad"), Client.bind(), Client.execute(), Client.bind(), Client.execute(),
      Client.sync)
    session.server(Server.error("42601"), Server.ready())
    #expect(session.outcomes == "1 failed, 2 skipped")
    #expect(session.ends[0].sqlstate == "42601")
    #expect(!session.ends[0].wasExecuted)
  }

  /// The server discards what comes after an error until a Sync, also what was not sent yet.
  @Test func executionsSentWhileTheServerSkips() {
    var session = SessionHarness.ready()
    session.client(Client.parse("", "bad"), Client.flush)
    session.server(Server.error("42601"))
    session.client(Client.bind(), Client.execute())
    #expect(session.outcomes == "1 skipped")
    session.client(Client.sync)
    session.server(Server.ready())
    session.client(Client.query("q"))
    session.server(Server.complete("Q"), Server.ready())
    #expect(session.outcomes == "1 skipped, 2 completed")
  }

  /// A deferred constraint fails at Sync, after the command completed.
  @Test func commitThatFailsAtSync() {
    var session = SessionHarness.ready()
    session.client(Client.parse("", "insert"), Client.bind(), Client.execute(), Client.sync)
    session.server(prepared, Server.complete("INSERT 0 1"))
    #expect(session.ends.isEmpty)
    session.server(Server.error("23503", "violates foreign key"), Server.ready())
    #expect(session.outcomes == "1 failed")
    #expect(session.ends[0].sqlstate == "23503")
  }

  @Test func failedParseLeavesTheNameAsItWas() {
    var session = SessionHarness.ready()
    session.client(Client.parse("s", "one"), Client.sync)
    session.server(Server.parseComplete, Server.ready())
    session.client(Client.parse("s", "two"), Client.sync)
    session.server(Server.error("42P05"), Server.ready())
    session.client(Client.bind("", "s"), Client.execute(), Client.sync)
    #expect(String(buffer: session.begins[0].text) == "one")
  }

  /// Were the session to go on, "two" would be recorded and "one" would run.
  @Test func bindWaitsUntilItsNameIsSettled() {
    var session = SessionHarness.ready()
    session.client(Client.parse("", "one"), Client.sync)
    session.server(Server.parseComplete, Server.ready())
    session.toServer.clear()
    let effects = session.send(
      .clientBytes(
        all([
          Client.execute("none"), Client.parse("", "two"), Client.sync, Client.bind(),
          Client.execute(), Client.sync,
        ])))
    #expect(types(session.toServer) == "EPS")
    #expect(effects.client.reading == .pause)
    #expect(session.begins.count == 1)
    session.client(Client.query("later"))
    let resumed = session.send(.serverBytes(all([Server.error("34000"), Server.ready()])))
    #expect(resumed.client.reading == .resume)
    #expect(types(session.toServer) == "EPSBESQ")
    #expect(session.begins.map { String(buffer: $0.text) } == ["", "one", "later"])
  }

  @Test func executeWaitsUntilItsPortalIsSettled() {
    var session = SessionHarness.ready()
    session.client(Client.query("begin"))
    session.server(Server.complete("BEGIN"), Server.ready(.inTransaction))
    session.client(Client.parse("", "one"), Client.bind("p"), Client.sync)
    session.client(Client.execute("p"), Client.sync)
    #expect(session.begins.count == 1)
    session.server(prepared, Server.ready(.inTransaction))
    #expect(session.begins.count == 2)
    #expect(String(buffer: session.begins[1].text) == "one")
  }

  @Test func deepPipelinesPauseTheClient() {
    var limits = SessionLimits()
    limits.maximumPendingReplies = 8
    var session = SessionHarness.ready(limits: limits)
    let executes = Array(repeating: Client.execute("p"), count: 20)
    let effects = session.send(.clientBytes(all(executes)))
    #expect(effects.client.reading == .pause)
    #expect(session.begins.count == 8)
    for _ in 0..<16 { session.server(Server.complete("X")) }
    #expect(session.begins.count == 20)
    #expect(session.toServer == all(executes))
  }

  /// The last message before the pause comes in two parts; nothing comes behind it.
  @Test func pausedMessageIsNotForgotten() {
    var limits = SessionLimits()
    limits.maximumPendingReplies = 1
    var session = SessionHarness.ready(limits: limits)
    session.client(Client.execute("p"))
    for byte in Client.sync.readableBytesView { session.client(ByteBuffer(bytes: [byte])) }
    #expect(types(session.toServer) == "E")
    session.server(Server.error("34000"))
    #expect(types(session.toServer) == "ES")
  }

  @Test func closeForgets() {
    var session = SessionHarness.ready()
    session.client(Client.parse("s", "one"), Client.close(statement: "s"), Client.sync)
    session.server(Server.parseComplete, Server.closeComplete, Server.ready())
    #expect(session.core.pipeline.catalogue.retainedBytes == 0)
    session.client(Client.bind("", "s"), Client.execute(), Client.sync)
    #expect(session.begins[0].text.readableBytes == 0)
  }

  @Test func portalsEndWithTheTransaction() {
    var session = SessionHarness.ready()
    session.client(
      Client.parse("", "x"), Client.bind("p", "", [ByteBuffer(string: "v")]), Client.sync)
    session.server(prepared, Server.ready())
    let afterwards = session.core.pipeline.catalogue.retainedBytes
    session.client(Client.query("q"))
    session.server(Server.complete("Q"), Server.ready())
    #expect(afterwards > 0)
    #expect(session.core.pipeline.catalogue.retainedBytes == 0)
  }

  @Test func malformedMessagesPassAndFail() {
    var session = SessionHarness.ready()
    let bytes = all([message("B", "x"), message("E", "p"), message("D", "?x\0"), Client.sync])
    session.client(bytes)
    #expect(session.toServer == bytes)
    session.server(Server.error("08P01"), Server.ready())
    #expect(session.core.pipeline.queue.count == 0)
  }
}

/// What a client could do to have something else recorded than what runs, or to make records cost
/// more than the messages they are of.
@Suite struct HostileNameTests {
  /// The server tells names apart by their first 63 bytes only.
  @Test func namesAreOneWhenTheServerHoldsThemForOne() {
    let prefix = String(repeating: "n", count: 63)
    var session = SessionHarness.ready()
    session.client(Client.parse(prefix + "a", "first"), Client.sync)
    session.server(Server.parseComplete, Server.ready())
    session.client(Client.close(statement: prefix + "b"), Client.parse(prefix + "b", "second"))
    session.client(Client.sync)
    session.server(Server.closeComplete, Server.parseComplete, Server.ready())
    session.client(Client.bind("", prefix + "a"), Client.execute(), Client.sync)
    #expect(session.begins.map { String(buffer: $0.text) } == ["second"])
  }

  @Test func nameMadeAnewBySQLHasNoTextRatherThanAWrongOne() {
    var session = SessionHarness.ready()
    session.client(Client.parse("s", "first"), Client.sync)
    session.server(Server.parseComplete, Server.ready())
    session.client(Client.query("deallocate s; prepare s as delete from t"))
    session.server(Server.complete("DEALLOCATE"), Server.complete("PREPARE"), Server.ready())
    session.client(Client.bind("", "s"), Client.execute(), Client.sync)
    #expect(session.begins.last.map { String(buffer: $0.text) } == "")
  }

  @Test func deallocateAloneForgetsNothingElse() {
    var session = SessionHarness.ready()
    session.client(Client.parse("s", "first"), Client.sync)
    session.server(Server.parseComplete, Server.ready())
    session.client(Client.query("deallocate other"))
    session.server(Server.complete("DEALLOCATE"), Server.ready())
    session.client(Client.bind("", "s"), Client.execute(), Client.sync)
    #expect(session.begins.last.map { String(buffer: $0.text) } == "first")
  }
}
