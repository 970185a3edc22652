import AuditLog
import Crypto
import GatewayModel
import NIOCore
import PostgresWire
import SessionEngine
import SignedBundle
import TestSupport
import Testing

/// Who may not enter is told one thing; the record says why.
@Suite struct EntryTests {
  /// How a login is wrong, and what the record calls it.
  struct Wrong: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var reason: ReasonCode
    var user = "app"
    var database = "orders"
    var token: @Sendable (GatewayRig) async throws -> String = { try await $0.token() }
  }

  static let wrongs: [Wrong] = [
    Wrong(testDescription: "garbage", reason: .tokenMalformed) { _ in "hunter2" },
    Wrong(testDescription: "another key", reason: .tokenSignature) {
      try await $0.token(key: Curve25519.Signing.PrivateKey())
    },
    Wrong(testDescription: "another connection", reason: .tokenAudience) {
      try await $0.token(connections: ["billing"])
    },
    Wrong(testDescription: "no such connection", reason: .noSuchConnection, database: "nope"),
    Wrong(testDescription: "no grant", reason: .noGrant) {
      try await $0.token("eve@example.com", groups: ["interns"])
    },
    Wrong(testDescription: "another role", reason: .roleNotGranted, user: "reader"),
  ]

  @Test(arguments: wrongs)
  func refusesWithOneWording(_ wrong: Wrong) async throws {
    let (rig, _) = try await GatewayRig.serving()
    let token = try await wrong.token(rig)
    let outcome = try await rig.psql(
      "SELECT 1;", token: token, user: wrong.user, database: wrong.database)
    #expect(outcome.exit == .code(2))
    #expect(
      outcome.errors.contains(
        "login to connection \"\(wrong.database)\" as \"\(wrong.user)\" was refused"))
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    let refusal = try #require(records.refusals.first)
    #expect(refusal.reason == wrong.reason.rawValue)
    #expect(refusal.sqlstate == "28000")
    #expect(refusal.connection == wrong.database)
    #expect(refusal.clientAddress.hasPrefix("127.0.0.1:"))
    #expect(records.opens.isEmpty)
    #expect(!refusal.detail.contains(token))
    await rig.end()
  }

  @Test func refusesAnExpiredToken() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let token = try await rig.token(lifetime: 300, secondsAgo: 3_600)
    let outcome = try await rig.psql("SELECT 1;", token: token)
    #expect(outcome.errors.contains("was refused"))
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    #expect(records.refusals.first?.reason == "token_expired")
    await rig.end()
  }

  @Test func refusesWithoutABundleAndWithAnExpiredOne() async throws {
    let rig = try await GatewayRig()
    #expect(await rig.gateway.health().state == .failing)
    let first = try await rig.psql("SELECT 1;")
    #expect(first.errors.contains("was refused"))
    let database = try await Database.shared.value
    await rig.apply([try database.connection(agent: rig.agent)], lifetime: -1)
    let second = try await rig.psql("SELECT 1;")
    #expect(second.errors.contains("was refused"))
    let records = try await rig.records("two refusals") { $0.refusals.count == 2 }
    #expect(records.refusals.map(\.reason).sorted() == ["bundle_expired", "no_bundle"])
    await rig.apply([try database.connection(agent: rig.agent)], version: 2)
    #expect(try await rig.psql("SELECT 1;").output == "1\n")
    #expect(await rig.gateway.health().state == .ok)
    await rig.end()
  }

  @Test func stalePolicyIsRecordedAndThenRefused() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let now = GatewayRig.now()
    func lease(endedSecondsAgo seconds: Int64, _ maxStale: Int64) -> LeaseSnapshot {
      LeaseSnapshot(
        PolicyFreshness(
          leaseExpiresAt: WallTime(
            unixNanoseconds: now.unixNanoseconds - seconds * 1_000_000_000),
          maxStaleSeconds: maxStale))
    }
    await rig.gateway.apply(lease: lease(endedSecondsAgo: -3_600, 0))
    #expect(try await rig.psql("SELECT 1;").output == "1\n")
    await rig.gateway.apply(lease: lease(endedSecondsAgo: 10, 3_600))
    #expect(try await rig.psql("SELECT 2;").output == "2\n")
    #expect(await rig.gateway.health().state == .ok)
    await rig.gateway.apply(lease: lease(endedSecondsAgo: 10, 5))
    #expect(try await rig.psql("SELECT 3;").errors.contains("was refused"))
    #expect(await rig.gateway.health().state == .failing)
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    #expect(records.refusals.first?.reason == "policy_stale")
    #expect(records.opens.filter(\.isPolicyStale).count == 1)
    #expect(records.opens.count == 2)
    #expect(records.begin(of: "SELECT 1;")?.isPolicyStale == false)
    #expect(records.begin(of: "SELECT 2;")?.isPolicyStale == true)
    await rig.end()
  }

  @Test func aRemovedAgentLetsNobodyIn() async throws {
    let (rig, _) = try await GatewayRig.serving()
    await rig.gateway.apply(removed: true)
    #expect(try await rig.psql("SELECT 1;").errors.contains("was refused"))
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    #expect(records.refusals.first?.reason == "agent_removed")
    await rig.gateway.apply(removed: false)
    #expect(try await rig.psql("SELECT 1;").output == "1\n")
    await rig.end()
  }

  @Test func refusesPlaintextAndAllowsItWhereConfigured() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let outcome = try await rig.psql("SELECT 1;", sslmode: "disable")
    #expect(outcome.exit == .code(2))
    #expect(outcome.errors.contains("takes connections with TLS only"))
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    #expect(records.refusals.first?.reason == "plaintext_client")
    #expect(records.refusals.first?.sqlstate == "28000")
    await rig.end()

    var options = GatewayRig.Options()
    options.allowsPlaintextOnLoopback = true
    let (open, _) = try await GatewayRig.serving(options)
    #expect(try await open.psql("SELECT 1;", sslmode: "disable").output == "1\n")
    await open.end()
  }

  @Test func aUnixSocketNeedsNoTLS() async throws {
    var options = GatewayRig.Options()
    options.hasUnixSocket = true
    let (rig, _) = try await GatewayRig.serving(options)
    var environment = rig.environment(token: try await rig.token())
    environment["PGHOST"] = rig.folder.path
    environment["PGPORT"] = "5432"
    environment["PGSSLMODE"] = "prefer"
    let outcome = try await run("psql", ["-XAtc", "SELECT 5"], environment: environment)
    #expect(outcome.output == "5\n", "\(outcome.errors)")
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.opens.first?.clientTLS == "")
    await rig.end()
  }

  @Test func directTLSNeedsTheProtocolsName() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let named = try rig.pki.clientContext(applicationProtocols: ["postgresql"])
    let client = try await ScriptedClient(.loopback(port: rig.port), security: .direct(named))
    _ = try await client.logIn(
      user: "app", database: "orders", password: try await rig.token())
    #expect(try await client.query("SELECT 3").rows.count == 1)
    try await client.terminate()
    let nameless = try rig.pki.clientContext()
    let other = try await ScriptedClient(.loopback(port: rig.port), security: .direct(nameless))
    _ = try await other.peer.receiveClose(within: GatewayRig.patience)
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    #expect(records.refusals.first?.reason == "protocol_violation")
    await rig.end()
  }

  @Test func bytesStuffedBehindTheRequestForTLSEndTheConnection() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let client = try await ScriptedClient(.loopback(port: rig.port))
    try await client.peer.send { buffer in
      StartupPacket.writeSSLRequest(into: &buffer)
      StartupMessage(parameters: [.init(name: "user", value: "app")]).encode(into: &buffer)
    }
    let answer = try await client.peer.receiveClose(within: GatewayRig.patience)
    #expect(answer.readableBytes == 0)
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    #expect(records.refusals.first?.reason == "protocol_violation")
    await rig.end()
  }

  @Test func silentClientsDelayNobodyAndAreClosed() async throws {
    var options = GatewayRig.Options()
    options.limits.handshakeDeadline = .seconds(30)
    let (rig, _) = try await GatewayRig.serving(options)
    var silent: [ScriptedClient] = []
    for index in 0..<50 {
      let client = try await ScriptedClient(.loopback(port: rig.port))
      // Some stop in the middle of a packet, some in the TLS handshake.
      if index % 3 == 1 { try await client.peer.send(ByteBuffer(bytes: [0, 0])) }
      if index % 3 == 2 { try await client.peer.send(StartupPacket.writeSSLRequest) }
      silent.append(client)
    }
    let good = try await rig.psql("SELECT 1;")
    #expect(good.output == "1\n")
    // It did not wait for any of them to be closed.
    #expect(try rig.records().refusals.isEmpty)
    for client in silent { _ = try await client.peer.receiveClose(within: GatewayRig.patience) }
    let records = try await rig.records("refusals") { $0.refusals.count == 50 }
    #expect(records.refusals.allSatisfy { $0.reason == "handshake_timeout" })
    await rig.end()
  }

  @Test func oneMoreThanTheLimitIsToldSo() async throws {
    var options = GatewayRig.Options()
    options.limits.sessions = 2
    let (rig, _) = try await GatewayRig.serving(options)
    let context = try rig.pki.clientContext()
    var clients: [ScriptedClient] = []
    for _ in 0..<2 {
      let client = try await ScriptedClient(
        .loopback(port: rig.port), security: .negotiated(context))
      _ = try await client.logIn(
        user: "app", database: "orders", password: try await rig.token())
      clients.append(client)
    }
    let refused = try await rig.psql("SELECT 1;")
    #expect(refused.exit == .code(2))
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    #expect(records.refusals.first?.reason == "too_many_sessions")
    #expect(records.refusals.first?.sqlstate == "53300")
    for client in clients { try await client.terminate() }
    try await eventually("room again", within: GatewayRig.patience) {
      rig.gateway.statistics.openConnections == 0
    }
    #expect(try await rig.psql("SELECT 1;").output == "1\n")
    await rig.end()
  }

  @Test func aPrincipalHasALimitOfItsOwn() async throws {
    let (rig, _) = try await GatewayRig.serving(limits: .init(maxSessionsPerPrincipal: 1))
    let context = try rig.pki.clientContext()
    let client = try await ScriptedClient(.loopback(port: rig.port), security: .negotiated(context))
    _ = try await client.logIn(user: "app", database: "orders", password: try await rig.token())
    let second = try await rig.psql("SELECT 1;")
    #expect(second.exit == .code(2))
    let other = try await rig.psql("SELECT 1;", token: try await rig.token("carol@example.com"))
    #expect(other.output == "1\n")
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    #expect(records.refusals.first?.reason == "too_many_sessions")
    try await client.terminate()
    try await eventually("room again", within: GatewayRig.patience) {
      rig.gateway.statistics.openSessions == 0
    }
    #expect(try await rig.psql("SELECT 1;").output == "1\n")
    await rig.end()
  }

  @Test func theTokenIsNowhereInTheLog() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let token = try await rig.token()
    #expect(try await rig.psql("SELECT 1;", token: token).output == "1\n")
    _ = try await rig.psql("SELECT 1;", token: token, database: "nope")
    _ = try await rig.records("closed") { !$0.closes.isEmpty && !$0.refusals.isEmpty }
    let found = try await run(
      "grep", ["-r", "-l", "-a", "-F", String(token.suffix(40)), rig.folder.file("log")])
    #expect(found.output == "")
    let password = try await run(
      "grep", ["-r", "-l", "-a", "-F", "app-password", rig.folder.file("log")])
    #expect(password.output == "")
    await rig.end()
  }
}
