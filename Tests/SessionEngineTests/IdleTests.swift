import AuditLog
import GatewayModel
import NIOCore
import PostgresWire
import TestSupport
import Testing

/// Sessions that are silent for too long end with the server's own words.
@Suite struct IdleTests {
  /// Longer than a busy machine takes from one message to the next.
  private func serving() async throws -> GatewayRig {
    var options = GatewayRig.Options()
    options.limits.idleTimeout = .seconds(6)
    return try await GatewayRig.serving(options).0
  }

  /// The error that ends a silent session.
  private func farewell(
    of client: ScriptedClient
  ) async throws -> BackendMessage.Diagnostic? {
    try await client.reply(within: GatewayRig.patience).errors.last
  }

  @Test func aSilentSessionEnds() async throws {
    let rig = try await serving()
    let (client, _) = try await rig.client()
    let error = try #require(try await farewell(of: client))
    #expect(error.sqlState == "57P05" && error.endsSession)
    #expect(error.message == "terminating connection due to idle-session timeout")
    #expect(try await client.peer.receiveClose(within: GatewayRig.patience).readableBytes == 0)
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.closes.first?.reason == "idle_timeout")
    #expect(records.closes.first?.sqlstate == "57P05")
    await rig.end()
  }

  @Test func aSilentTransactionEnds() async throws {
    let rig = try await serving()
    let (client, _) = try await rig.client()
    _ = try await client.query("BEGIN")
    let error = try #require(try await farewell(of: client))
    #expect(error.sqlState == "25P03" && error.endsSession)
    await rig.end()
  }

  /// A statement that takes longer than the limit is no silence.
  @Test func aLongStatementIsNotSilent() async throws {
    let rig = try await serving()
    let (client, _) = try await rig.client()
    let reply = try await client.query(
      "SELECT pg_sleep(10), 'done'", within: GatewayRig.patience)
    #expect(reply.sqlStates.isEmpty)
    #expect(reply.tags == ["SELECT 1"])
    let error = try #require(try await farewell(of: client))
    #expect(error.sqlState == "57P05")
    await rig.end()
  }

  // MARK: The login

  @Test func aLoginThatStopsHalfwayEnds() async throws {
    var options = GatewayRig.Options()
    options.limits.handshakeDeadline = .seconds(10)
    let (rig, _) = try await GatewayRig.serving(options)
    let client = try await ScriptedClient(
      .loopback(port: rig.port), security: .negotiated(try rig.pki.clientContext()))
    let startup = StartupMessage(
      parameters: [.init(name: "user", value: "app"), .init(name: "database", value: "orders")])
    try await client.peer.send(startup.encode)
    #expect(try await client.peer.receive(BackendMessageType.self).type == .authentication)
    let frame = try await client.peer.receive(
      BackendMessageType.self, within: GatewayRig.patience)
    #expect(frame.type == .errorResponse)
    #expect(try BackendMessage.Diagnostic(decoding: frame.body).sqlState == "57014")
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    #expect(records.refusals.first?.reason == "handshake_timeout")
    await rig.end()
  }

  /// A server that takes the connection and then says nothing costs no more than the deadline.
  @Test func aServerThatStopsHalfwayEndsTheLogin() async throws {
    var options = GatewayRig.Options()
    options.limits.handshakeDeadline = .seconds(10)
    let rig = try await GatewayRig(options)
    let server = try await ScriptedServer()
    let database = try await Database.shared.value
    await rig.apply([
      try database.connection(agent: rig.agent, tls: .disable, port: server.port)
    ])
    let serving = Task {
      try await server.play([.startup(), .expectClose], within: GatewayRig.patience)
    }
    let outcome = try await rig.psql("SELECT 1;")
    #expect(outcome.exit == .code(2))
    #expect(outcome.errors.contains("canceling authentication due to timeout"))
    _ = try await serving.value
    await rig.end()
  }
}
