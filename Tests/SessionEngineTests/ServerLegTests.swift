import AuditLog
import GatewayModel
import NIOCore
import NIOSSL
import PostgresWire
import SessionEngine
import TestSupport
import Testing

/// What is wrong with the server leg is recorded; the client is told that the database is away.
@Suite struct ServerLegTests {
  private func refusal(
    _ rig: GatewayRig, _ connection: Connection
  ) async throws -> (Outcome, RefusalRecord) {
    await rig.apply([connection])
    let outcome = try await rig.psql("SELECT 1;")
    #expect(outcome.exit == .code(2))
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    let refusal = try #require(records.refusals.first)
    #expect(refusal.subject == "alice@example.com")
    #expect(refusal.sqlstate == "08006")
    return (outcome, refusal)
  }

  @Test func aServerThatIsDown() async throws {
    let rig = try await GatewayRig()
    let database = try await Database.shared.value
    let (outcome, refused) = try await refusal(
      rig, try database.connection(agent: rig.agent, port: try FreePort.next()))
    #expect(outcome.errors.contains("the database of connection \"orders\" is not available"))
    #expect(refused.reason == "server_unreachable")
    #expect(refused.detail.contains("refused"))
    await rig.end()
  }

  @Test func aNameThatDoesNotResolve() async throws {
    let rig = try await GatewayRig()
    let database = try await Database.shared.value
    let (_, refused) = try await refusal(
      rig, try database.connection(agent: rig.agent, host: "no-such-host.invalid"))
    #expect(refused.reason == "server_unreachable")
    #expect(
      refused.detail.contains("\"no-such-host.invalid\" does not resolve"), "\(refused.detail)")
    await rig.end()
  }

  @Test func aServerThatIsSilent() async throws {
    var options = GatewayRig.Options()
    options.limits.serverConnectDeadline = .seconds(1)
    let rig = try await GatewayRig(options)
    let database = try await Database.shared.value
    let silent = try await ScriptedServer()
    let (_, refused) = try await refusal(
      rig, try database.connection(agent: rig.agent, port: silent.port))
    #expect(refused.reason == "server_unreachable")
    #expect(refused.detail.contains("within 1 s"))
    await rig.end()
  }

  @Test func aWrongPasswordForTheServer() async throws {
    var options = GatewayRig.Options()
    options.passwords["app"] = "not-the-password"
    let rig = try await GatewayRig(options)
    let database = try await Database.shared.value
    let (outcome, refused) = try await refusal(rig, try database.connection(agent: rig.agent))
    #expect(refused.reason == "server_authentication")
    #expect(refused.detail.contains("28P01"))
    #expect(!outcome.errors.contains("password"))
    await rig.end()
  }

  @Test func aMissingCredential() async throws {
    var options = GatewayRig.Options()
    options.passwords["app"] = nil
    let rig = try await GatewayRig(options)
    let database = try await Database.shared.value
    await rig.apply([try database.connection(agent: rig.agent)])
    #expect(try await rig.psql("SELECT 1;").exit == .code(2))
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    #expect(records.refusals.first?.reason == "credential_missing")
    await rig.end()
  }

  @Test(arguments: [ServerTLSMode.verifyCA, .verifyFull])
  func aCertificateThatIsNotTrusted(_ mode: ServerTLSMode) async throws {
    let rig = try await GatewayRig()
    let database = try await Database.shared.value
    let (_, refused) = try await refusal(
      rig,
      try database.connection(
        agent: rig.agent, tls: mode, authoritiesPEM: rig.pki.authorityPEM))
    #expect(refused.reason == "server_tls")
    #expect(refused.detail.contains("not issued by a trusted authority"), "\(refused.detail)")
    await rig.end()
  }

  @Test func aCertificateOfAnotherHost() async throws {
    let rig = try await GatewayRig()
    let pki = try TestPKI()
    let database = try await Database.shared.value
    for hosts in [["db.example.com"], ["10.9.8.7"]] {
      let server = try await ScriptedServer()
      let context = try pki.serverContext(try pki.issue(hosts))
      let serving = Task {
        try await server.accept(within: GatewayRig.patience).receiveStartup(tls: context)
      }
      await rig.apply([
        try database.connection(
          agent: rig.agent, port: server.port, authoritiesPEM: pki.authorityPEM)
      ])
      #expect(try await rig.psql("SELECT 1;").exit == .code(2))
      _ = await serving.result
    }
    let records = try await rig.records("refusals") { $0.refusals.count == 2 }
    for refused in records.refusals {
      #expect(refused.reason == "server_tls")
      #expect(refused.detail.contains("not for this host"), "\(refused.detail)")
    }
    await rig.end()
  }

  @Test func everyModeReachesAServerThatFitsIt() async throws {
    let rig = try await GatewayRig()
    let database = try await Database.shared.value
    var version: UInt64 = 0
    for (mode, host, tls) in [
      (ServerTLSMode.disable, "127.0.0.1", ""), (.require, "127.0.0.1", "TLSv1.3"),
      (.verifyCA, "localhost", "TLSv1.3"), (.verifyFull, "localhost", "TLSv1.3"),
      (.verifyFull, "127.0.0.1", "TLSv1.3"), (.verifyFull, database.cluster.socketFolder, ""),
    ] {
      version += 1
      await rig.apply(
        [try database.connection(agent: rig.agent, tls: mode, host: host)], version: version)
      let outcome = try await rig.psql("SELECT 1;")
      #expect(outcome.output == "1\n", "\(mode) \(host): \(outcome.errors)")
      let count = Int(version)
      let records = try await rig.records("open") { $0.opens.count == count }
      #expect(records.opens.contains { $0.bundleVersion == version && $0.serverTLS == tls })
    }
    await rig.end()
  }

  @Test func aServerWithoutTLSIsRefusedWhereTheModeDemandsIt() async throws {
    let rig = try await GatewayRig()
    let server = try await ScriptedServer()
    let serving = Task {
      try await server.accept(within: GatewayRig.patience).receiveStartup(tls: nil)
    }
    let database = try await Database.shared.value
    let (_, refused) = try await refusal(
      rig, try database.connection(agent: rig.agent, tls: .require, port: server.port))
    #expect(refused.reason == "server_tls")
    #expect(refused.detail.contains("no TLS"))
    serving.cancel()
    await rig.end()
  }

  @Test func bytesStuffedBehindTheServersAnswerEndTheLeg() async throws {
    let rig = try await GatewayRig()
    let server = try await ScriptedServer()
    let serving = Task {
      let peer = try await server.accept(within: GatewayRig.patience)
      _ = try await peer.receiveStartupPacket()
      try await peer.send(ByteBuffer(string: "SE"))
      return try await peer.receiveClose(within: GatewayRig.patience)
    }
    let database = try await Database.shared.value
    let (_, refused) = try await refusal(
      rig, try database.connection(agent: rig.agent, tls: .require, port: server.port))
    #expect(refused.reason == "server_tls")
    #expect(refused.detail.contains("1 bytes behind its answer"))
    #expect(try await serving.value.readableBytes == 0)
    await rig.end()
  }

  @Test func aServerThatDiesInTheMiddleOfAResult() async throws {
    let rig = try await GatewayRig()
    let server = try await ScriptedServer()
    let serving = Task {
      let peer = try await server.accept(within: GatewayRig.patience)
      _ = try await peer.receiveStartup(tls: nil)
      try await peer.welcome()
      _ = try await peer.receiveFrontend()
      try await peer.send { buffer in
        // A row that announces more than will come.
        buffer.writeBytes([UInt8(ascii: "D"), 0, 0, 0, 100, 0, 1, 0, 0])
      }
      await peer.close()
    }
    let database = try await Database.shared.value
    await rig.apply([
      try database.connection(agent: rig.agent, tls: .disable, port: server.port)
    ])
    let outcome = try await rig.psql("SELECT 'slow';")
    try await serving.value
    #expect(outcome.exit == .code(2))
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.ends.map(\.outcome) == [.unknown])
    #expect(records.closes.first?.reason == "server_closed")
    await rig.end()
  }

  @Test func theLastWordOfAServerReachesTheClient() async throws {
    let (rig, database) = try await GatewayRig.serving()
    let outcome = try await rig.psql("SELECT pg_terminate_backend(pg_backend_pid());")
    #expect(outcome.errors.contains("57P01"), "\(outcome.errors)")
    #expect(outcome.errors.contains("due to administrator command"))
    _ = database
    await rig.end()
  }

  // MARK: Testing a connection

  @Test func testingAConnectionSaysTheVersion() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let result = await rig.gateway.testConnection(named: "orders", role: "app")
    #expect(result.ok, "\(result.detail)")
    #expect(result.detail.hasPrefix("PostgreSQL "))
    #expect(result.detail.contains("with TLSv1.3"))
    #expect(result.duration > .zero)
    #expect(try rig.records().opens.isEmpty)
    await rig.end()
  }

  @Test func testingAConnectionSaysWhatIsWrong() async throws {
    var options = GatewayRig.Options()
    options.passwords["app"] = "not-the-password"
    let (rig, database) = try await GatewayRig.serving(options)
    let wrong = await rig.gateway.testConnection(named: "orders", role: "app")
    #expect(!wrong.ok)
    #expect(wrong.detail.contains("password authentication failed"), "\(wrong.detail)")
    let unknown = await rig.gateway.testConnection(named: "nope", role: "app")
    #expect(!unknown.ok && unknown.detail.contains("no connection \"nope\""))
    let role = await rig.gateway.testConnection(named: "orders", role: "root")
    #expect(!role.ok && role.detail.contains("has no role \"root\""))
    await rig.apply([
      try database.connection(agent: rig.agent, port: try FreePort.next())
    ])
    let down = await rig.gateway.testConnection(named: "orders", role: "app")
    #expect(!down.ok && down.detail.contains("cannot connect to 127.0.0.1:"), "\(down.detail)")
    await rig.end()
  }
}
