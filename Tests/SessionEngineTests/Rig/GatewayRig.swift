import AuditLog
import Crypto
import Foundation
import GatewayModel
import Logging
import NIOSSL
import PolicyEngine
import PostgresWire
import RecordLog
import SessionEngine
import SessionToken
import SignedBundle
import TestSupport

/// A gateway in the test's process, with a record log, an authority and a token key of its own.
final class GatewayRig: Sendable {
  let agent = AgentID(Identifier128(high: 1, low: 2))
  let folder: ScratchFolder
  let pki: TestPKI
  let log: RecordLogDirectory
  let gateway: GatewayServer
  let port: Int
  private let tokenKey = Curve25519.Signing.PrivateKey()

  /// Tests of all targets share two threads with heavy ones; what is to happen may take its time.
  static let patience = Duration.seconds(60)

  struct Options: Sendable {
    var limits: GatewayLimits = {
      var limits = GatewayLimits()
      limits.handshakeDeadline = .seconds(120)
      limits.serverConnectDeadline = GatewayRig.patience
      // Tests that count records may take long on a busy machine.
      limits.heartbeatInterval = .seconds(86_400)
      return limits
    }()
    var threads = 2
    var allowsPlaintextOnLoopback = false
    var hasUnixSocket = false
    var log: @Sendable (String) -> RecordLogConfiguration = { RecordLogConfiguration(folder: $0) }
    var files: any FileAccess = PosixFiles()
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    var passwords = Database.passwords
    /// What roles log in with instead of a password.
    var credentials: [String: RoleCredential] = [:]
    var deriveKeys: KeyDerivation = { $0.keys() }
    var serverProtocol = ServerProtocol.v3_2
    var serverChannelBinding = ServerChannelBinding.prefer
    /// What the gateway starts with: the connections of bundle 1. `nil` for no bundle.
    var kept: (@Sendable (AgentID) throws -> [Connection])?
  }

  init(_ options: Options = Options()) async throws {
    folder = try ScratchFolder("gw")
    pki = try TestPKI()
    let leaf = try pki.issue()
    log = try RecordLogDirectory(
      configuration: options.log(folder.file("log")), agent: agent, files: options.files,
      now: Self.now())
    var listen: [ListenAddress] = [.tcp(host: "127.0.0.1", port: 0)]
    if options.hasUnixSocket { listen.append(.unixSocket(folder: folder.path, port: 5432)) }
    var configuration = GatewayConfiguration(
      agent: agent, segment: "test", listen: listen, eventLoopThreads: options.threads,
      allowPlaintextOnLoopback: options.allowsPlaintextOnLoopback, limits: options.limits)
    configuration.serverProtocol = options.serverProtocol
    configuration.serverChannelBinding = options.serverChannelBinding
    var credentials = options.passwords.mapValues { RoleCredential.password(Secret(text: $0)) }
    credentials.merge(options.credentials) { $1 }
    gateway = GatewayServer(
      configuration: configuration,
      identity: try ClientTLSIdentity(
        certificateChainPEM: leaf.certificatePEM, privateKeyPEM: leaf.keyPEM),
      log: log, writer: WriterIdentity(agentVersion: "test", host: "test"),
      openCredential: { [credentials] _, role in
        guard let credential = credentials[role] else { throw TestFailure("no credential") }
        return credential
      }, deriveKeys: options.deriveKeys,
      logger: options.logger)
    if let kept = options.kept {
      await gateway.apply(Self.policy(try kept(agent), tokenKey: tokenKey))
    }
    let addresses = try await gateway.start()
    guard case .tcp(_, let port)? = addresses.first else { throw TestFailure("no address") }
    self.port = port
  }

  static func now() -> WallTime {
    WallTime(unixNanoseconds: Int64(Date().timeIntervalSince1970 * 1e9))
  }

  // MARK: Policy

  static let grants = [
    Grant(name: "analysts-app", to: .group("analysts"), connection: "orders", role: "app"),
    Grant(
      name: "bob-reader", to: .principal("bob@example.com"), connection: "orders", role: "reader"),
  ]

  /// Puts a bundle in force.
  func apply(
    _ connections: [Connection], grants: [Grant] = GatewayRig.grants, version: UInt64 = 1,
    lifetime: Int64 = 3_600, limits: BundlePayload.Limits = .init()
  ) async {
    await apply(
      connections, policies: Self.documents(grants), version: version, lifetime: lifetime,
      limits: limits)
  }

  func apply(
    _ connections: [Connection], policies: [PolicyDocument], version: UInt64 = 1,
    lifetime: Int64 = 3_600, limits: BundlePayload.Limits = .init()
  ) async {
    await gateway.apply(
      Self.policy(
        connections, policies: policies, version: version, lifetime: lifetime, limits: limits,
        tokenKey: tokenKey))
  }

  private static func documents(_ grants: [Grant]) -> [PolicyDocument] {
    grants.compactMap { try? PolicyDocument($0) }
  }

  private static func policy(
    _ connections: [Connection], policies: [PolicyDocument] = documents(grants),
    version: UInt64 = 1, lifetime: Int64 = 3_600, limits: BundlePayload.Limits = .init(),
    tokenKey: Curve25519.Signing.PrivateKey
  ) -> PolicySnapshot {
    let now = Self.now()
    let bundle = BundlePayload(
      organisation: "test", segment: "test", version: version, issuedAt: now,
      expiresAt: WallTime(unixNanoseconds: now.unixNanoseconds + lifetime * 1_000_000_000),
      connections: connections, policies: policies, tokenIssuer: "sallyport",
      tokenKeys: [
        .init(kid: "k1", publicKey: tokenKey.publicKey.rawRepresentation.base64EncodedString())
      ],
      limits: limits)
    let verifier = TokenVerifier(
      issuer: "sallyport",
      keys: Dictionary(uniqueKeysWithValues: bundle.tokenKeys.map { ($0.kid, $0.publicKey) }))
    return PolicySnapshot(
      bundle: bundle, hash: Array(SHA256.hash(data: Data("\(version)".utf8))),
      verifier: verifier)
  }

  /// Applies the one connection to the shared cluster.
  static func serving(
    _ options: Options = Options(), tls: ServerTLSMode = .verifyFull,
    limits: BundlePayload.Limits = .init()
  ) async throws -> (GatewayRig, Database) {
    let database = try await Database.shared.value
    let rig = try await GatewayRig(options)
    await rig.apply([try database.connection(agent: rig.agent, tls: tls)], limits: limits)
    return (rig, database)
  }

  func token(
    _ subject: String = "alice@example.com", groups: [String] = ["analysts"],
    connections: [String] = ["orders"], lifetime: Int = 300,
    key: Curve25519.Signing.PrivateKey? = nil, secondsAgo: Int64 = 0
  ) async throws -> String {
    let issuer = TokenIssuer(issuer: "sallyport", keyID: "k1", key: key ?? tokenKey)
    var random = SystemRandomNumberGenerator()
    return try await issuer.issue(
      .init(
        subject: subject, groups: groups, connections: connections, lifetimeSeconds: lifetime),
      tokenID: Identifier128(high: random.next(), low: random.next()),
      now: WallTime(unixNanoseconds: Self.now().unixNanoseconds - secondsAgo * 1_000_000_000)
    ).token.text
  }

  // MARK: Clients

  /// A client behind TLS that is logged in, with what it was told.
  func client(
    parameters: [String: String] = [:], version: ProtocolVersion = .v3_0
  ) async throws -> (ScriptedClient, ScriptedClient.Welcome) {
    let client = try await ScriptedClient(
      .loopback(port: port), security: .negotiated(try pki.clientContext()))
    let welcome = try await client.logIn(
      user: "app", database: "orders", password: try await token(), parameters: parameters,
      version: version)
    if let refusal = welcome.refusal { throw TestFailure("login refused: \(refusal)") }
    return (client, welcome)
  }

  /// Sends a CancelRequest as libpq does, on a connection of its own, and waits for its close.
  func cancel(_ key: CancelKey) async throws {
    let canceller = try await ScriptedClient(.loopback(port: port))
    try await canceller.peer.send { StartupPacket.writeCancelRequest(key, into: &$0) }
    let answer = try await canceller.peer.receiveClose(within: GatewayRig.patience)
    guard answer.readableBytes == 0 else { throw TestFailure("a cancel was answered") }
  }

  /// The environment in which libpq finds the gateway.
  func environment(
    token: String, user: String = "app", database: String = "orders",
    sslmode: String = "verify-full"
  ) -> [String: String] {
    [
      "PGHOST": "127.0.0.1", "PGPORT": "\(port)", "PGUSER": user, "PGDATABASE": database,
      "PGPASSWORD": token, "PGSSLMODE": sslmode, "PGSSLROOTCERT": pki.authorityFile,
      "PGAPPNAME": "rig", "PGCONNECT_TIMEOUT": "60",
    ]
  }

  /// Runs psql with a script; `arguments` come first.
  func psql(
    _ script: String, token: String? = nil, user: String = "app", database: String = "orders",
    sslmode: String = "verify-full", arguments: [String] = [], within: Duration = .seconds(120)
  ) async throws -> Outcome {
    let password: String
    if let token { password = token } else { password = try await self.token() }
    return try await run(
      "psql", ["-X", "-q", "-A", "-t", "-v", "VERBOSITY=verbose"] + arguments + ["-f", "-"],
      environment: environment(
        token: password, user: user, database: database, sslmode: sslmode),
      input: script, within: within)
  }

  // MARK: Records

  /// All records that can be read now, of every lane, in each lane's order.
  func records() throws -> [DecodedRecord] {
    try log.logs().flatMap { id in
      let batch = try log.reader(for: id).batch(
        from: 0, maximumRecords: 1_000_000, maximumBytes: 1 << 30)
      return try batch.records.map { try RecordDecoder.decode($0) }
    }
  }

  /// Waits until the records say what is asked, and gives them.
  func records(
    _ what: String, within limit: Duration = GatewayRig.patience,
    until condition: ([DecodedRecord]) -> Bool
  ) async throws -> [DecodedRecord] {
    var records: [DecodedRecord] = []
    try await eventually("records: \(what)", within: limit) {
      records = try self.records()
      return condition(records)
    }
    return records
  }

  func end() async { await gateway.shutdown() }

  deinit {
    // After a test that threw.
    Task.detached { [gateway] in await gateway.shutdown() }
  }
}

extension [DecodedRecord] {
  var opens: [SessionOpenRecord] {
    compactMap { if case .sessionOpen(let body) = $0.body { body } else { nil } }
  }
  var closes: [SessionCloseRecord] {
    compactMap { if case .sessionClose(let body) = $0.body { body } else { nil } }
  }
  var begins: [StatementBeginRecord] {
    compactMap { if case .statementBegin(let body) = $0.body { body } else { nil } }
  }
  var ends: [StatementEndRecord] {
    compactMap { if case .statementEnd(let body) = $0.body { body } else { nil } }
  }
  var refusals: [RefusalRecord] {
    compactMap { if case .refusal(let body) = $0.body { body } else { nil } }
  }
  var cancels: [CancelRecord] {
    compactMap { if case .cancel(let body) = $0.body { body } else { nil } }
  }
  /// The texts, whole, by digest.
  var texts: [StatementDigest: String] {
    var bytes: [StatementDigest: [UInt8]] = [:]
    for case .statementText(let body) in map(\.body) {
      bytes[body.digest, default: []] += body.text
    }
    return bytes.mapValues { String(decoding: $0, as: UTF8.self) }
  }
  /// The begin of the first statement with this text.
  func begin(of sql: String) -> StatementBeginRecord? {
    let digest = StatementDigest(of: sql.utf8)
    return begins.first { $0.digest == digest }
  }
}
