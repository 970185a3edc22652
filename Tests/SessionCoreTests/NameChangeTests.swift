import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// SQL under way that gives names another meaning, or texts another reading: what is recorded is
/// what is run.
@Suite struct NameChangeTests {
  private static func text(_ begun: StatementBegun?) -> String? {
    begun.map { String(buffer: $0.text) }
  }

  /// With the statement `s`, and its replies in.
  private func withStatement(_ text: String = "select 'harmless'") -> SessionHarness {
    var session = SessionHarness.ready()
    session.client(Client.parse("s", text), Client.sync)
    session.server(Server.parseComplete, Server.ready())
    session.forget()
    return session
  }

  private let run = all([Client.bind("", "s"), Client.execute(), Client.sync])

  @Test func aBindWaitsForTheDeallocateInFrontOfIt() {
    var session = withStatement()
    let swap = Client.query("DEALLOCATE s; prepare s as select 'EVIL'")
    session.client(all([swap, run]))
    #expect(session.toServer == swap)
    session.server(Server.complete("DEALLOCATE"), Server.complete("PREPARE"), Server.ready())
    #expect(session.toServer == all([swap, run]))
    #expect(session.begins.count == 2)
    #expect(Self.text(session.begins.last) == "")
  }

  @Test func aBindBehindAnotherDeallocateKeepsItsText() {
    var session = withStatement()
    session.client(all([Client.query("deallocate other"), run]))
    session.server(Server.complete("DEALLOCATE"), Server.ready())
    #expect(Self.text(session.begins.last) == "select 'harmless'")
  }

  /// The name is free already, and taken by what is under way.
  @Test func aBindWaitsForThePrepareInFrontOfIt() {
    var session = withStatement()
    session.client(Client.query("deallocate s"))
    session.server(Server.complete("DEALLOCATE"), Server.ready())
    let swap = Client.query("prepare s as select 'EVIL'")
    session.forget()
    session.client(all([swap, run]))
    #expect(session.toServer == swap)
    session.server(Server.complete("PREPARE"), Server.ready())
    #expect(Self.text(session.begins.last) == "")
  }

  @Test func aBindWaitsForEveryQueryInFrontOfIt() {
    var session = withStatement()
    let swap = all([Client.query("deallocate s"), Client.query("prepare s as select 'EVIL'")])
    session.client(all([swap, run]))
    session.server(Server.complete("DEALLOCATE"), Server.ready())
    #expect(session.toServer == swap)
    session.server(Server.complete("PREPARE"), Server.ready())
    #expect(session.toServer == all([swap, run]))
    #expect(Self.text(session.begins.last) == "")
  }

  /// What runs under a name that is not known here can be a PREPARE.
  @Test func aBindBehindAnExecuteOfUnknownTextHasNoText() {
    var session = withStatement()
    session.client(
      Client.bind("", "elsewhere"), Client.execute(), Client.bind("", "s"), Client.execute(),
      Client.sync)
    #expect(session.begins.map { Self.text($0) } == ["", ""])
  }

  /// No reply comes before the Sync, so nothing can be waited for.
  @Test func aBindInTheSegmentOfADeallocateHasNoText() {
    var session = withStatement()
    let swap = all([
      Client.parse("", "deallocate s"), Client.bind(), Client.execute(),
      Client.parse("", "prepare s as select 'EVIL'"), Client.bind(), Client.execute(),
    ])
    session.client(all([swap, run]))
    #expect(session.toServer == all([swap, run]))
    #expect(session.begins.map { Self.text($0) }.last == "")
  }

  @Test func aBindBehindTheSegmentOfADeallocateWaits() {
    var session = withStatement()
    let swap = all([
      Client.parse("", "discard all"), Client.bind(), Client.execute(), Client.sync,
    ])
    session.client(all([swap, run]))
    #expect(session.toServer == swap)
    session.server(
      Server.parseComplete, Server.bindComplete, Server.complete("DISCARD ALL"), Server.ready())
    #expect(session.toServer == all([swap, run]))
    #expect(Self.text(session.begins.last) == "")
  }

  @Test func whatIsParsedBehindADeallocateHasItsText() {
    var session = withStatement()
    session.client(
      Client.parse("", "deallocate s"), Client.bind(), Client.execute(),
      Client.parse("t", "select 2"), Client.bind("", "t"), Client.execute(), Client.sync)
    #expect(session.begins.map { Self.text($0) } == ["deallocate s", "select 2"])
  }

  @Test func theUnnamedStatementIsNoConcernOfDeallocate() {
    var session = SessionHarness.ready()
    session.client(
      Client.parse("", "deallocate all"), Client.bind(), Client.execute(),
      Client.parse("", "select 2"), Client.bind(), Client.execute(), Client.sync)
    #expect(session.begins.map { Self.text($0) } == ["deallocate all", "select 2"])
  }

  @Test func aFailedDeallocateEndsTheWait() {
    var session = withStatement()
    session.client(all([Client.query("deallocate nothing"), run]))
    session.server(Server.error("26000"), Server.ready())
    #expect(Self.text(session.begins.last) == "select 'harmless'")
  }

  /// A portal's name becomes free by a rollback too.
  @Test(arguments: [true, false]) func anExecuteOfARedeclaredPortalHasNoText(pipelined: Bool) {
    var session = SessionHarness.ready()
    session.client(Client.query("begin; savepoint a"))
    session.server(
      Server.complete("BEGIN"), Server.complete("SAVEPOINT"), Server.ready(.inTransaction))
    session.client(Client.parse("h", "select 'harmless'"), Client.bind("c", "h"), Client.sync)
    session.server(Server.parseComplete, Server.bindComplete, Server.ready(.inTransaction))
    let swap = Client.query("rollback to a; declare c cursor for select 'EVIL'")
    let replies = all([
      Server.complete("ROLLBACK"), Server.complete("DECLARE CURSOR"), Server.ready(.inTransaction),
    ])
    session.forget()
    session.client(swap)
    if !pipelined { session.server(replies) }
    session.client(Client.execute("c"), Client.sync)
    #expect((session.toServer == swap) == pipelined)
    if pipelined { session.server(replies) }
    #expect(session.toServer == all([swap, Client.execute("c"), Client.sync]))
    #expect(Self.text(session.begins.last) == "")
  }

  @Test func aDeclareAloneLeavesPortalsTheirTexts() {
    var session = SessionHarness.ready()
    session.client(Client.query("begin"))
    session.server(Server.complete("BEGIN"), Server.ready(.inTransaction))
    session.client(Client.parse("h", "select 1"), Client.bind("c", "h"), Client.sync)
    session.server(Server.parseComplete, Server.bindComplete, Server.ready(.inTransaction))
    session.client(Client.query("declare d cursor for select 2"))
    session.server(Server.complete("DECLARE CURSOR"), Server.ready(.inTransaction))
    session.client(Client.execute("c"), Client.sync)
    #expect(Self.text(session.begins.last) == "select 1")
  }

  /// The server answers nothing more until the COPY ends, which the client means to do behind.
  @Test func nothingWaitsWhileTheServerTakesCopyData() {
    var session = withStatement()
    let copy = Client.query("discard temp; set names 'UTF8'; copy t from stdin")
    let next = Client.query("select 1")
    session.client(all([copy, run, next]))
    #expect(session.toServer == copy)
    session.server(Server.complete("DISCARD TEMP"), Server.complete("SET"), Server.copyIn)
    // A Bind ends the COPY with an error, for which the rest can wait.
    #expect(session.toServer == all([copy, run]))
    session.server(Server.error("08P01"), Server.ready(), Server.error("34000"), Server.ready())
    #expect(session.toServer == all([copy, run, next]))
  }

  @Test func aTextBehindTheEndOfCopyDataWaits() {
    var session = SessionHarness.ready()
    let copy = Client.query("set standard_conforming_strings = off; copy t from stdin")
    let end = all([Client.copyData("1\n"), Client.copyDone])
    session.client(copy)
    session.server(Server.complete("SET"), Server.copyIn)
    session.client(all([end, Client.query("select '\\''; drop table victim; --'")]))
    #expect(session.toServer == all([copy, end]))
    session.server(
      Server.complete("COPY 1"), Server.status("standard_conforming_strings", "off"))
    #expect(session.begins.count == 1)
    #expect(session.clientErrors == ["57P01"])
  }

  /// The Sync behind COPY is read as data: the next one brings the answers, and stands behind what
  /// would wait.
  @Test func nothingWaitsForAnExtendedCopyWithoutItsSync() {
    var session = SessionHarness.ready()
    let copy = all([
      Client.parse("", "copy names from stdin"), Client.bind(), Client.execute(), Client.sync,
    ])
    session.client(copy)
    session.server(Server.parseComplete, Server.bindComplete, Server.copyIn)
    let rest = all([
      Client.copyData("1\n"), Client.copyDone, Client.parse("", "select 1"), Client.bind(),
      Client.execute(), Client.sync,
    ])
    session.client(rest)
    #expect(session.toServer == all([copy, rest]))
  }

  // MARK: How texts are read

  private static let settings = [
    "set standard_conforming_strings = off", "set Client_Encoding to sjis", "SET NAMES 'sjis'",
    "select set_config('standard_conforming_strings', 'off', false)",
  ]

  @Test(arguments: settings) func aTextBehindAChangeOfTheParserWaits(text: String) {
    var session = SessionHarness.ready()
    let trick = Client.query("select '\\''; drop table victim; --'")
    session.client(Client.query(text), trick)
    #expect(session.toServer == Client.query(text))
    session.server(
      Server.complete("SET"), Server.status("standard_conforming_strings", "off"), Server.ready())
    #expect(types(session.toServer) == "QX")
    #expect(session.begins.count == 1)
    #expect(session.clientErrors == ["57P01"])
  }

  @Test func aParseBehindAChangeOfTheParserWaits() {
    var session = SessionHarness.ready()
    let set = all([
      Client.parse("", "set client_encoding = 'UTF8'"), Client.bind(), Client.execute(),
      Client.sync,
    ])
    let next = all([Client.parse("", "select 1"), Client.bind(), Client.execute(), Client.sync])
    session.client(all([set, next]))
    #expect(session.toServer == set)
    // A server of today reports the setting behind this.
    session.server(Server.parseComplete, Server.bindComplete, Server.complete("SET"))
    #expect(session.toServer == set)
    session.server(Server.ready())
    #expect(session.toServer == all([set, next]))
    #expect(session.begins.count == 2)
  }

  /// No ReadyForQuery comes before the Sync, which the client sends behind the second text.
  @Test func nothingWaitsForAChangeThatWasDiscarded() {
    var session = SessionHarness.ready()
    let texts = [Client.query("set client_encoding to 'UTF8'"), Client.query("select 1")]
    session.client(Client.bind(), texts[0], texts[1], Client.sync)
    #expect(types(session.toServer) == "BQ")
    session.server(Server.error("26000"))
    #expect(types(session.toServer) == "BQQS")
    session.server(Server.ready())
    #expect(session.core.pipeline.queue.count == 0)
  }

  // MARK: Keywords

  private static let texts: [(String, SQLChanges)] = [
    ("deallocate s", .statementNames), ("DISCARD all", .statementNames),
    ("select 1;/**/Deallocate s", .statementNames), ("declare c cursor for", .portalNames),
    ("set \"client_encoding\" = x", .parserSettings), ("set local names 'x'", .parserSettings),
    ("declare c; discard all", [.statementNames, .portalNames]), ("", []), ("d", []),
    ("execute s", .all), ("create trigger t execute function f()", .all),
    ("Prepare s as select", .statementNames),
    ("select predeallocate, x_declare from deallocat", []),
    ("select ädiscard, 7names", []), ("select executed_at, prepared, names_ from discards", []),
  ]

  @Test(arguments: texts) func keywords(text: String, changes: SQLChanges) {
    #expect(SQLChanges(in: ByteBuffer(string: text)) == changes)
  }
}

/// What else of a session's records and memory is not what it seems at first.
@Suite struct KeptTextTests {
  @Test(arguments: [true, false]) func aLongMessageIsNotKeptForAShortText(isCut: Bool) {
    var session = SessionHarness.ready()
    let bytes = message("P", String(repeating: "x", count: 1 << 20) + "\0select 1\0\0\0")
    if isCut {
      let half = bytes.readableBytes / 2
      session.client(bytes.getSlice(at: 0, length: half)!)
      session.client(bytes.getSlice(at: half, length: bytes.readableBytes - half)!)
    } else {
      session.client(bytes)
    }
    session.client(Client.sync)
    session.server(Server.parseComplete, Server.ready())
    let name = WireName(String(repeating: "x", count: 63))
    guard case .known(let kept?) = session.core.pipeline.catalogue.statement(name) else {
      Issue.record("the statement is not there")
      return
    }
    #expect(String(buffer: kept.text) == "select 1")
    #expect(kept.text.storageCapacity < 1_000)
    #expect(session.core.bufferedBytes < 1_000)
  }

  /// The Sync commits it, and has no answer; in a transaction block it was done for certain.
  @Test(arguments: [TransactionStatus.idle, .inTransaction])
  func aStatementWhoseSyncIsNotAnsweredIsUnknown(status: TransactionStatus) {
    var session = SessionHarness.ready()
    session.client(Client.query("select"))
    session.server(Server.complete("SELECT 0"), Server.ready(status))
    session.forget()
    session.client(Client.parse("", "insert"), Client.bind(), Client.execute(), Client.sync)
    session.server(Server.parseComplete, Server.bindComplete, Server.complete("INSERT 0 1"))
    session.send(.serverClosed)
    #expect(session.outcomes == (status == .idle ? "2 unknown" : "2 completed"))
  }
}
