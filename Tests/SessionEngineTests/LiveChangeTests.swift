import AuditLog
import GatewayModel
import NIOCore
import PostgresWire
import SessionEngine
import TestSupport
import Testing

/// What changes while sessions are open.
@Suite struct LiveChangeTests {
  private func session(
    _ rig: GatewayRig, token: String? = nil, user: String = "app"
  ) async throws -> ScriptedClient {
    let client = try await ScriptedClient(
      .loopback(port: rig.port), security: .negotiated(try rig.pki.clientContext()))
    let password: String
    if let token { password = token } else { password = try await rig.token() }
    _ = try await client.logIn(user: user, database: "orders", password: password)
    return client
  }

  /// Reads on until the FATAL error, and gives its code.
  private func lastError(_ client: ScriptedClient) async throws -> String {
    while true {
      let frame = try await client.peer.receive(
        BackendMessageType.self, within: GatewayRig.patience)
      if frame.type == .errorResponse {
        let error = try BackendMessage.Diagnostic(decoding: frame.body)
        #expect(error.endsSession)
        _ = try await client.peer.receiveClose(within: GatewayRig.patience)
        return error.sqlState
      }
    }
  }

  @Test func aTokenThatExpiresEndsTheSessionAtTheNextStatement() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let client = try await session(rig, token: try await rig.token(lifetime: 20))
    #expect(try await client.query("SELECT 1").rows.count == 1)
    var reply = try await client.query("SELECT 2")
    try await eventually("the token expires", within: GatewayRig.patience) {
      if reply.errors.isEmpty { reply = try await client.query("SELECT 2") }
      return !reply.errors.isEmpty
    }
    #expect(reply.sqlStates == ["57P01"])
    #expect(reply.errors.first?.endsSession == true)
    #expect(reply.rows.isEmpty)
    _ = try await client.peer.receiveClose(within: GatewayRig.patience)
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.closes.first?.reason == "token_expired")
    #expect(records.refusals.map(\.reason) == ["token_expired"])
    #expect(records.begins.count == records.ends.count)
    await rig.end()
  }

  @Test func aRevokedGrantEndsTheSession() async throws {
    let (rig, database) = try await GatewayRig.serving()
    let alice = try await session(rig)
    let bob = try await session(
      rig, token: try await rig.token("bob@example.com", groups: []), user: "reader")
    await rig.apply(
      [try database.connection(agent: rig.agent)], grants: [GatewayRig.grants[1]], version: 2)
    #expect(try await lastError(alice) == "57P01")
    #expect(try await bob.query("SELECT 1").rows.count == 1)
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.closes.map(\.reason) == ["grant_revoked"])
    await rig.apply([], version: 3)
    #expect(try await lastError(bob) == "57P01")
    await rig.end()
  }

  @Test func aNewCertificateIsShownInNewHandshakes() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let other = try TestPKI(name: "Another authority")
    let leaf = try other.issue()
    let old = try await session(rig)
    rig.gateway.renew(
      try ClientTLSIdentity(certificateChainPEM: leaf.certificatePEM, privateKeyPEM: leaf.keyPEM))
    #expect(try await rig.psql("SELECT 1;").exit == .code(2))
    let context = try other.clientContext()
    let new = try await ScriptedClient(.loopback(port: rig.port), security: .negotiated(context))
    _ = try await new.logIn(user: "app", database: "orders", password: try await rig.token())
    #expect(try await old.query("SELECT 1").rows.count == 1)
    #expect(throws: GatewayError.self) {
      try ClientTLSIdentity(certificateChainPEM: "nonsense", privateKeyPEM: leaf.keyPEM)
    }
    await rig.end()
  }

  @Test func drainingWaitsForSessionsAndTakesNoNewOnes() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let client = try await session(rig)
    let draining = Task { await rig.gateway.drain(within: .seconds(300)) }
    try await eventually("nobody is let in", within: GatewayRig.patience) {
      // A program started by another test may hold the listening socket, then nobody answers.
      var environment = rig.environment(token: "none")
      environment["PGCONNECT_TIMEOUT"] = "2"
      let outcome = try await run("psql", ["-Xc", "SELECT 1"], environment: environment)
      return !outcome.errors.contains("was refused")
    }
    #expect(try await client.query("SELECT 1").rows.count == 1)
    let start = ContinuousClock.now
    try await client.terminate()
    await draining.value
    #expect(ContinuousClock.now - start < GatewayRig.patience)
    await rig.end()
  }

  @Test func shuttingDownTellsTheClientsAndClosesTheLog() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let client = try await session(rig)
    async let code = lastError(client)
    await rig.end()
    #expect(try await code == "57P01")
    let records = try rig.records()
    #expect(records.closes.map(\.reason) == ["shutdown"])
    #expect(records.filter { $0.kind == .logClose }.count == 2)
    // And once more, which changes nothing.
    await rig.end()
    await rig.gateway.waitUntilClosed()
  }

  @Test func aTakenPortIsNamed() async throws {
    let rig = try await GatewayRig()
    let folder = try ScratchFolder("gw")
    let leaf = try rig.pki.issue()
    let log = try RecordLogRig.open(folder, agent: rig.agent)
    let second = GatewayServer(
      configuration: GatewayConfiguration(
        agent: rig.agent, segment: "test", listen: [.tcp(host: "127.0.0.1", port: rig.port)],
        eventLoopThreads: 1),
      identity: try ClientTLSIdentity(
        certificateChainPEM: leaf.certificatePEM, privateKeyPEM: leaf.keyPEM),
      log: log, writer: .init(agentVersion: "test", host: "test"),
      openCredential: { _, _ in throw TestFailure("none") }, logger: .init(label: "test"))
    let error = await #expect(throws: GatewayError.self) { try await second.start() }
    #expect(error?.code == .listen)
    #expect(error?.message.contains("127.0.0.1:\(rig.port)") == true)
    #expect(error?.message.contains("in use") == true)
    await second.waitUntilClosed()
    await rig.end()
  }
}
