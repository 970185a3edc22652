import AuditLog
import NIOCore
import PostgresWire
import TestSupport
import Testing

/// A server that answers a statement with more, less or other than the protocol allows.
@Suite struct HostileServerAnswerTests {
  private static let complete = Raw.written(BackendMessage.CommandComplete(tag: "SELECT 1").encode)
  private static let ready = Raw.written(BackendMessage.ReadyForQuery(status: .idle).encode)
  private static let row = Raw.message("D", Raw.bytes([0, 1, 0, 0, 0, 1, 0x37]))
  private static let columns = Raw.written(
    BackendMessage.RowDescription(columns: [.init(name: "n", typeOID: 23)]).encode)

  private static func broken(
    _ name: String, _ detail: String, _ bytes: ByteBuffer...
  ) -> HostileServerCase {
    let all = bytes.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
    return .init(name, reason: "server_protocol", detail: detail, sends: all)
  }

  static let cases: [HostileServerCase] =
    [
      broken("an unknown type", "type 63", Raw.message("?", Raw.text("x"))),
      broken("type 0", "type 0", Raw.bytes([0, 0, 0, 0, 4])),
      broken("the client's own Query", "type 81", Raw.message("Q", Raw.text("select 1\0"))),
      broken(
        "AuthenticationOk", "authentication", Raw.written(BackendMessage.Authentication.ok.encode)),
      broken(
        "another cancel key", "backendKeyData",
        Raw.message("K", Raw.bytes([0, 0, 0, 1, 1, 2, 3, 4]))),
      broken("replication", "copyBothResponse", Raw.message("W", Raw.bytes([0, 0, 0]))),
      broken(
        "a negotiation", "negotiateProtocolVersion",
        Raw.message("v", Raw.bytes([0, 3, 0, 0, 0, 0, 0, 0]))),
      broken(
        "a status X", "its status is 88", columns, row, complete, Raw.message("Z", Raw.text("X"))),
      broken("no status", "ReadyForQuery", complete, Raw.message("Z")),
      broken("two statuses", "ReadyForQuery", complete, Raw.message("Z", Raw.text("II"))),
      broken(
        "a command without its end", "CommandComplete", columns, row,
        Raw.message("C", Raw.text("SELECT 1"))),
      broken(
        "a command with two ends", "CommandComplete", Raw.message("C", Raw.text("SELECT 1\0x\0"))),
      broken(
        "an error without its end", "ErrorResponse", Raw.message("E", Raw.text("SERROR\0C427"))),
      broken(
        "an error without fields' end", "ErrorResponse", Raw.message("E", Raw.text("SERROR\0"))),
      broken("an empty error", "ErrorResponse", Raw.message("E")),
      broken(
        "a setting without its value", "ParameterStatus", Raw.message("S", Raw.text("TimeZone\0"))),
      broken(
        "parameters of a query", "parameterDescription in answer to query",
        Raw.message("t", Raw.bytes([0, 0]))),
      broken("an answer out of turn", "parseComplete in answer to query", Raw.message("1")),
      broken("ReadyForQuery alone", "readyForQuery in answer to query", ready),
      broken(
        "ReadyForQuery twice", "readyForQuery that nothing asked for", complete, ready, ready),
      broken("a row too late", "dataRow that nothing asked for", complete, ready, row),
      broken(
        "an answer to nothing", "commandComplete that nothing asked for", complete, ready, complete),
      broken(
        "COPY that nobody began", "copyInResponse that nothing asked for", complete, ready,
        Raw.message("G", Raw.bytes([0, 0, 0]))),
    ]
    + ([0, 3, 0x4000_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] as [UInt32]).flatMap { length in
      (["D", "d", "C", "E", "Z", "N"] as [Unicode.Scalar]).map { type in
        broken(
          "\(type) of length \(length)", "and length \(length)", columns,
          Raw.message(type, length: length))
      }
    }

  @Test func answersThatAreNoneEndTheSessionAndAreRecorded() async throws {
    let hostile = try await HostileRig()
    for (index, wrong) in Self.cases.enumerated() {
      do {
        let (client, peer) = try await hostile.scriptedSession()
        try await client.peer.send(FrontendMessage.Query(sql: "SELECT \(index)").encode)
        _ = try await peer.receiveFrontend(within: GatewayRig.patience)
        try await wrong.script(peer)
        let error = try await client.peer.receiveError()
        #expect(error.sqlState == wrong.sqlState, "\(wrong.name): \(error.message)")
        #expect(error.severity == .fatal, "\(wrong.name)")
        #expect(try await client.peer.remainder().readableBytes == 0, "\(wrong.name)")
        let records = try await hostile.rig.records("the end") {
          $0.refusals.count > index && $0.closes.count > index
        }
        #expect(records.refusals.count == index + 1, "\(wrong.name)")
        #expect(records.refusals.last?.reason == wrong.reason, "\(wrong.name)")
        #expect(
          records.refusals.last?.detail.contains(wrong.detail) == true,
          "\(wrong.name): \(records.refusals.last?.detail ?? "")")
        #expect(records.closes.allSatisfy { $0.reason == "server_protocol" }, "\(wrong.name)")
        #expect(records.ends.count == index + 1, "\(wrong.name)")
      } catch {
        throw TestFailure("\(wrong.name): \(error)")
      }
    }
    try await hostile.expectServes(after: "answers that were none")
    try await hostile.expectNobodyLeft()
    await hostile.rig.end()
  }

  /// What the agent does not look into passes as it is: the client judges it, the agent lives.
  @Test func bodiesThatTheAgentDoesNotReadPassUnchanged() async throws {
    let hostile = try await HostileRig()
    let (client, peer) = try await hostile.scriptedSession()
    let bodies = [
      Raw.message("T", Raw.bytes([0xFF, 0xFF])), Raw.message("T", Raw.bytes([0, 9, 0])),
      Raw.message("D", Raw.bytes([0xFF, 0xFF])), Raw.message("D", Raw.bytes([0, 1, 0x7F, 0xFF])),
      Raw.message("D", Raw.bytes([0, 1, 0x7F, 0xFF, 0xFF, 0xFF, 1])), Raw.message("D"),
      Raw.message("D", Raw.bytes([0, 1, 0xFF, 0xFF, 0xFF, 0xFE])),
    ]
    let answer = bodies.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
    try await client.peer.send(FrontendMessage.Query(sql: "SELECT 'lies'").encode)
    _ = try await peer.receiveFrontend(within: GatewayRig.patience)
    try await peer.send(Raw.all(answer, Self.complete, Self.ready), inPiecesOf: 1)
    let all = answer.readableBytes + Self.complete.readableBytes + Self.ready.readableBytes
    let seen = try await client.peer.receive(count: all, within: GatewayRig.patience)
    #expect(seen == Raw.all(answer, Self.complete, Self.ready))
    try await client.terminate()
    let records = try await hostile.rig.records("the close") { !$0.closes.isEmpty }
    #expect(records.ends.map(\.outcome) == [.completed])
    #expect(records.closes.first?.reason == "client_terminated")
    await hostile.rig.end()
  }

  /// A server that is gone between two messages leaves the client with an error, not in doubt.
  @Test(arguments: [true, false])
  func aServerThatIsGoneIsNamed(_ withReset: Bool) async throws {
    let hostile = try await HostileRig()
    for (index, answer) in [ByteBuffer(), Raw.all(Self.columns, Self.row)].enumerated() {
      let (client, peer) = try await hostile.scriptedSession()
      try await client.peer.send(FrontendMessage.Query(sql: "SELECT 'gone'").encode)
      _ = try await peer.receiveFrontend(within: GatewayRig.patience)
      try await peer.send(answer)
      if answer.readableBytes > 0 {
        _ = try await client.peer.receive(
          count: answer.readableBytes, within: GatewayRig.patience)
      }
      if withReset { try await peer.abort() } else { await peer.close() }
      let error = try await client.peer.receiveError()
      #expect(error.sqlState == "08006")
      #expect(error.severity == .fatal)
      let records = try await hostile.rig.records("the close") { $0.closes.count > index }
      #expect(records.closes.last?.reason == "server_closed")
      #expect(records.closes.last?.sqlstate == "08006")
      #expect(records.ends.map(\.outcome) == Array(repeating: .unknown, count: index + 1))
    }
    // At rest too.
    let (client, peer) = try await hostile.scriptedSession()
    await peer.close()
    #expect(try await client.peer.receiveError().sqlState == "08006")
    // A server that gives its reason has the last word.
    let (told, teller) = try await hostile.scriptedSession()
    try await teller.send(
      BackendMessage.Diagnostic(
        severity: .fatal, sqlState: "57P01", message: "terminating connection"
      ).encodeError)
    await teller.close()
    #expect(try await told.peer.receiveError().sqlState == "57P01")
    #expect(try await told.peer.remainder().readableBytes == 0)
    try await hostile.expectServes(after: "servers that are gone")
    await hostile.rig.end()
  }

  /// A server that hangs holds its own sessions only, and those can be left.
  @Test func aServerThatHangsHurtsOnlyItsSessions() async throws {
    let hostile = try await HostileRig()
    var hung: [(client: ScriptedClient, peer: WirePeer)] = []
    for _ in 0..<10 {
      let session = try await hostile.scriptedSession()
      try await session.client.peer.send(FrontendMessage.Query(sql: "SELECT 'hangs'").encode)
      _ = try await session.peer.receiveFrontend(within: GatewayRig.patience)
      hung.append(session)
    }
    for _ in 0..<5 { try await hostile.expectServes(after: "servers that hang") }
    // None of the ten is among those that have ended.
    let others = try await hostile.rig.records("the others' ends") { $0.closes.count >= 5 }
    #expect(others.closes.count == 5)
    for session in hung { await session.client.peer.close() }
    // Each drains for a while, since its statement may come to an end.
    let records = try await hostile.rig.records("the ten's ends") { $0.closes.count >= 15 }
    #expect(records.ends.count { $0.outcome == .unknown } == 10)
    await hostile.rig.end()
  }
}
