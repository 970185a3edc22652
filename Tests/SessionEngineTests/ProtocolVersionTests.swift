import AuditLog
import GatewayModel
import NIOCore
import PostgresWire
import TestSupport
import Testing

@testable import SessionEngine

/// Protocol 3.0 and 3.2 on each leg, whatever the other leg speaks.
@Suite struct ProtocolVersionTests {
  /// A gateway in front of a scripted server without TLS.
  private func scripted(
    _ options: GatewayRig.Options = GatewayRig.Options()
  ) async throws -> (GatewayRig, ScriptedServer) {
    let rig = try await GatewayRig(options)
    let server = try await ScriptedServer()
    let database = try await Database.shared.value
    await rig.apply([
      try database.connection(agent: rig.agent, tls: .disable, port: server.port)
    ])
    return (rig, server)
  }

  // MARK: The client leg, in front of PostgreSQL

  @Test func aClientOf32GetsALongKeyThatCancels() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let tls = try rig.pki.clientContext(applicationProtocols: ["postgresql"])
    let client = try await ScriptedClient(.loopback(port: rig.port), security: .direct(tls))
    let welcome = try await client.logIn(
      user: "app", database: "orders", password: try await rig.token(), version: .v3_2)
    #expect(!welcome.frames.contains { $0.type == .negotiateProtocolVersion })
    let key = try #require(welcome.cancelKey)
    #expect(key.secret.bytes.count == 32)
    #expect(key.processID > 0)
    try await client.peer.send(FrontendMessage.Query(sql: "SELECT pg_sleep(62)").encode)
    _ = try await rig.records("running") { $0.begin(of: "SELECT pg_sleep(62)") != nil }
    try await rig.cancel(key)
    #expect(try await client.reply(within: GatewayRig.patience).sqlStates == ["57014"])
    await rig.end()
  }

  @Test func aClientOf30GetsAShortKey() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let (_, welcome) = try await rig.client()
    #expect(welcome.cancelKey?.secret.bytes.count == 4)
    await rig.end()
  }

  @Test func whatIsUnknownIsNegotiatedAndTheLoginGoesOn() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let (client, welcome) = try await rig.client(
      parameters: ["_pq_.greeting": "1"], version: ProtocolVersion(major: 3, minor: 9_999))
    let frame = try #require(welcome.frames.first)
    #expect(frame.type == .negotiateProtocolVersion)
    let answer = try BackendMessage.NegotiateProtocolVersion(decoding: frame.body)
    #expect(answer.newest == .v3_2)
    #expect(answer.unknownOptions == ["_pq_.greeting"])
    #expect(welcome.cancelKey?.secret.bytes.count == 32)
    #expect(try await client.query("SELECT 1").rows == [["1"]])
    await rig.end()
  }

  // MARK: The server leg

  @Test func aServerOf32KeepsItsLongKey() async throws {
    let (rig, server) = try await scripted()
    let long = CancelKey(processID: 99, secret: (0..<256).map { UInt8($0) })
    let serving = Task {
      let peer = try await server.play(
        [
          .startup { #expect($0.version == .v3_2) }, .welcome(cancelKey: long), .expect(.query),
        ], within: GatewayRig.patience)
      // Held open: a statement runs on it while its cancel comes.
      try await server.play([.expectCancel(long), .close], within: GatewayRig.patience)
      let cancelled = BackendMessage.Diagnostic(
        severity: .error, sqlState: "57014", message: "canceling statement due to user request")
      try await peer.send { buffer in
        cancelled.encodeError(into: &buffer)
        BackendMessage.ReadyForQuery(status: .idle).encode(into: &buffer)
      }
      return peer
    }
    // The versions of the legs have nothing to do with each other.
    let (client, welcome) = try await rig.client(version: .v3_0)
    let key = try #require(welcome.cancelKey)
    #expect(key.secret.bytes.count == 4)
    try await client.peer.send(FrontendMessage.Query(sql: "SELECT slow()").encode)
    _ = try await rig.records("running") { $0.begin(of: "SELECT slow()") != nil }
    try await rig.cancel(key)
    #expect(try await client.reply(within: GatewayRig.patience).sqlStates == ["57014"])
    _ = try await serving.value
    await rig.end()
  }

  @Test func aServerThatNegotiatesIsSpokenToIn30() async throws {
    let (rig, server) = try await scripted()
    var negotiation = ByteBuffer()
    BackendMessage.NegotiateProtocolVersion(newest: .v3_0, unknownOptions: [])
      .encode(into: &negotiation)
    let script: [ServerStep] = [.startup(), .send(negotiation), .welcome(), .expect(.terminate)]
    let serving = Task { try await server.play(script, within: GatewayRig.patience) }
    let (client, welcome) = try await rig.client(version: .v3_2)
    #expect(!welcome.frames.contains { $0.type == .negotiateProtocolVersion })
    #expect(welcome.cancelKey?.secret.bytes.count == 32)
    try await client.terminate()
    _ = try await serving.value
    await rig.end()
  }

  @Test func aLongKeyIn30EndsTheLogin() async throws {
    var options = GatewayRig.Options()
    options.serverProtocol = .v3_0
    let (rig, server) = try await scripted(options)
    let long = CancelKey(processID: 99, secret: Array(repeating: 1, count: 32))
    let serving = Task {
      try await server.play(
        [
          .startup { #expect($0.version == .v3_0) }, .welcome(cancelKey: long),
          .expect(.terminate), .close,
        ],
        within: GatewayRig.patience)
    }
    let outcome = try await rig.psql("SELECT 1;")
    #expect(outcome.exit == .code(2))
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    #expect(records.refusals.first?.reason == "server_protocol")
    #expect(records.refusals.first?.detail.contains("a cancel key of 32 bytes") == true)
    _ = try await serving.value
    await rig.end()
  }

  @Test func testingAConnectionAsksForTheSameVersion() async throws {
    var options = GatewayRig.Options()
    options.serverProtocol = .v3_0
    let (rig, server) = try await scripted(options)
    let serving = Task {
      try await server.play(
        [.startup { #expect($0.version == .v3_0) }, .close], within: GatewayRig.patience)
    }
    let result = await rig.gateway.testConnection(named: "orders", role: "app")
    #expect(!result.ok)
    _ = try await serving.value
    await rig.end()
  }
}

/// Keys that clients are given for cancelling are known again by themselves.
@Suite struct CancelKeyMintTests {
  private let mint = CancelKeyMint()

  @Test func longKeysCarryACode() {
    let key = mint.mint(processID: 77, isLong: true)
    #expect(key.secret.bytes.count == 32)
    #expect(CancelKey.secretLength.contains(key.secret.bytes.count))
    #expect(mint.origin(of: key) == .plausible)
    #expect(mint.mint(processID: 77, isLong: true).secret != key.secret)
  }

  @Test func aForgedKeyIsSeen() {
    let key = mint.mint(processID: 77, isLong: true)
    for index in key.secret.bytes.indices {
      var secret = key.secret.bytes
      secret[index] ^= 1
      #expect(mint.origin(of: CancelKey(processID: 77, secret: secret)) == .forged, "\(index)")
    }
    let others = [
      CancelKey(processID: 78, secret: key.secret.bytes),
      CancelKey(processID: 77, secret: key.secret.bytes.dropLast()),
      CancelKey(processID: 77, secret: key.secret.bytes + [0]),
      CancelKey(processID: 77, secret: Array(repeating: 0, count: 256)),
    ]
    for other in others { #expect(mint.origin(of: other) == .forged) }
    // Of another gateway, or of this one before its restart.
    #expect(CancelKeyMint().origin(of: key) == .forged)
  }

  @Test func shortKeysShowNothing() {
    let key = mint.mint(processID: 77, isLong: false)
    #expect(key.secret.bytes.count == 4)
    #expect(mint.origin(of: key) == .plausible)
    #expect(CancelKeyMint().origin(of: key) == .plausible)
  }
}
