import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// What a power-safe session makes wait for the medium.
@Suite struct DurabilityTests {
  private func session(_ status: TransactionStatus, isPowerSafe: Bool = true) -> SessionHarness {
    var policy = StatementPolicy()
    policy.isPowerSafe = isPowerSafe
    policy.allowsFunctionCalls = true
    var session = SessionHarness.ready(policy: policy)
    session.client(Client.query(status == .idle ? "ROLLBACK" : "BEGIN"))
    session.server(Server.complete("x"), Server.ready(status))
    session.forget()
    return session
  }

  /// What the messages of a client make wait, told as `server`, `client`, both or `none`.
  private func waits(_ session: inout SessionHarness, _ bytes: ByteBuffer...) -> String {
    let effects = session.send(.clientBytes(all(bytes)))
    let legs =
      (effects.server.syncBefore ? ["server"] : []) + (effects.client.syncBefore ? ["client"] : [])
    return legs.isEmpty ? "none" : legs.joined(separator: " ")
  }

  @Test(arguments: [
    ("SELECT 1", TransactionStatus.idle, "server"), ("SELECT 1", .inTransaction, "client"),
    ("SELECT 1", .failed, "server"), ("INSERT INTO t VALUES (1)", .inTransaction, "client"),
    ("COMMIT", .inTransaction, "server"), ("BEGIN", .idle, "none"),
    ("ROLLBACK", .inTransaction, "none"), ("ROLLBACK", .failed, "none"), ("", .idle, "server"),
    ("CREATE TABLE t ()", .inTransaction, "server"), ("SAVEPOINT s", .inTransaction, "none"),
    ("SELECT 1; SELECT 2", .inTransaction, "server"),
  ])
  func waitsByTextAndTransaction(_ sql: String, _ status: TransactionStatus, _ expected: String) {
    var simple = session(status)
    #expect(waits(&simple, Client.query(sql)) == expected)
    var extended = session(status)
    #expect(
      waits(&extended, Client.parse("", sql), Client.bind(), Client.execute(), Client.sync)
        == expected)
    #expect(extended.begins.count == 1)
    var crashSafe = session(status, isPowerSafe: false)
    #expect(waits(&crashSafe, Client.query(sql)) == "none")
  }

  @Test func aFunctionCallAndWhatIsNotKnownWait() {
    var calling = session(.inTransaction)
    #expect(waits(&calling, Client.functionCall) == "server")
    var unknown = session(.inTransaction)
    #expect(
      waits(&unknown, Client.bind("", "made_by_sql"), Client.execute(), Client.sync) == "server")
  }

  /// A pipeline may leave the transaction before the server says so.
  @Test(arguments: ["COMMIT", "ROLLBACK", "CALL p()", "ROLLBACK AND CHAIN"])
  func aTransactionThatMayHaveEndedIsNone(_ ending: String) {
    var session = session(.inTransaction)
    _ = waits(&session, Client.query(ending))
    #expect(waits(&session, Client.query("INSERT INTO t VALUES (1)")) == "server")
    // The answer to the ending alone says it: T again.
    session.server(Server.complete("x"), Server.ready(.inTransaction))
    #expect(waits(&session, Client.query("INSERT INTO t VALUES (2)")) == "client")
  }

  @Test func anEarlierAnswerSettlesNothing() {
    var session = session(.inTransaction)
    #expect(waits(&session, Client.query("SELECT 1")) == "client")
    #expect(waits(&session, Client.query("COMMIT")) == "server")
    session.server(Server.complete("SELECT 1"), Server.ready(.inTransaction))
    #expect(waits(&session, Client.query("SELECT 2")) == "server")
    session.server(Server.complete("COMMIT"), Server.ready(.idle))
    session.server(Server.complete("SELECT 1"), Server.ready(.idle))
    #expect(waits(&session, Client.query("SELECT 3")) == "server")
  }

  @Test func savepointsLeaveNothing() {
    var session = session(.inTransaction)
    #expect(waits(&session, Client.query("SAVEPOINT s")) == "none")
    #expect(waits(&session, Client.query("ROLLBACK TO s")) == "none")
    #expect(waits(&session, Client.query("SELECT 1")) == "client")
  }

  /// BEGIN that has no answer is no transaction yet.
  @Test func aTransactionThatIsAboutToBeginIsNone() {
    var session = session(.idle)
    #expect(waits(&session, Client.query("BEGIN")) == "none")
    #expect(waits(&session, Client.query("SELECT 1")) == "server")
  }

  /// The text of a named statement is judged once, and the same text under another name again.
  @Test func aPreparedTextIsKnown() {
    var session = session(.inTransaction)
    session.client(Client.parse("s", "SELECT 1"), Client.parse("c", "COMMIT"), Client.sync)
    session.server(Server.parseComplete, Server.parseComplete, Server.ready(.inTransaction))
    #expect(waits(&session, Client.bind("", "s"), Client.execute(), Client.sync) == "client")
    session.server(Server.bindComplete, Server.complete("SELECT 1"), Server.ready(.inTransaction))
    #expect(waits(&session, Client.bind("", "c"), Client.execute(), Client.sync) == "server")
  }

  @Test func aRefusedStatementWaitsForNothing() {
    var policy = StatementPolicy()
    policy.isPowerSafe = true
    var session = SessionHarness.ready(policy: policy)
    #expect(waits(&session, Client.functionCall) == "none")
    #expect(session.refusals.count == 1)
  }

  @Test func theConnectionSaysIt() {
    var policy = StatementPolicy()
    var connection = SessionHarness.grant().connection
    policy.take(connection)
    #expect(!policy.isPowerSafe)
    connection.durability = .powerSafe
    policy.take(connection)
    #expect(policy.isPowerSafe)
  }

  /// However the client's bytes are cut, no byte of a statement is sent before the effects that
  /// hold it, and the same statements are held.
  @Test func rechunkingChangesNoWait() {
    let pipeline: [(bytes: ByteBuffer, wait: String)] = [
      (all([Client.parse("", "SELECT 1"), Client.bind()]), "none"), (Client.execute(), "client"),
      (Client.query("SAVEPOINT s"), "none"), (Client.query("COMMIT"), "server"),
      (Client.query("SELECT 1"), "server"),
    ]
    let whole = all(pipeline.map(\.bytes))
    for size in 1...whole.readableBytes {
      var session = session(.inTransaction)
      var rest = whole
      var held: [String] = []
      var begun = 0
      while let chunk = rest.readSlice(length: min(size, rest.readableBytes)),
        chunk.readableBytes > 0
      {
        let effects = session.send(.clientBytes(chunk))
        let new = session.begins.count - begun
        begun += new
        #expect(new > 0 || !effects.server.syncBefore && !effects.client.syncBefore)
        if effects.client.syncBefore { held.append("client") }
        if effects.server.syncBefore { held.append("server") }
      }
      #expect(session.begins.count == 4)
      #expect(session.toServer == whole)
      if size == 1 { #expect(held == ["client", "server", "server"]) }
      #expect(Set(held) == ["client", "server"])
    }
  }

  @Test func nothingHeldIsEmpty() {
    var effects = Effects()
    #expect(effects.isEmpty)
    effects.server.syncBefore = true
    #expect(!effects.isEmpty)
    effects = Effects()
    effects.client.syncBefore = true
    #expect(!effects.isEmpty)
  }
}
