import AuditLog
import GatewayModel
import NIOCore
import NIOSSL
import PostgresWire
import SessionEngine
import TestSupport
import Testing

/// The certificate that a role shows the server, in every handshake with it, and what comes of one
/// that the server does not take.
@Suite struct ClientCertificateTests {
  private struct Site {
    let rig: GatewayRig
    let server: ScriptedServer
    /// Issues the server's certificate, and those that the server takes of clients.
    let pki: TestPKI
    let context: NIOSSLContext
  }

  private static func site(
    shows leaf: (TestPKI) throws -> TestPKI.Leaf?, version: TLSVersion = .tlsv13,
    verification: CertificateVerification = .noHostnameVerification
  ) async throws -> Site {
    let pki = try TestPKI()
    var options = GatewayRig.Options()
    let kind: CredentialKind
    if let leaf = try leaf(pki) {
      options.credentials["app"] = .certificate(
        ClientCertificate(chainPEM: leaf.certificatePEM, keyPEM: Secret(text: leaf.keyPEM)))
      kind = .certificate
    } else {
      kind = .password
    }
    let rig = try await GatewayRig(options)
    let server = try await ScriptedServer()
    let database = try await Database.shared.value
    var connection = try database.connection(
      agent: rig.agent, port: server.port, authoritiesPEM: pki.authorityPEM)
    connection.roles = [
      DatabaseRole(
        name: "app",
        credentials: [
          SealedCredential(agent: rig.agent, encapsulatedKey: "", ciphertext: "", kind: kind)
        ])
    ]
    await rig.apply([connection])
    let own = try pki.issue()
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(own.certificatePEM.utf8))
        .map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(own.keyPEM.utf8), format: .pem)))
    configuration.trustRoots = .certificates(
      try NIOSSLCertificate.fromPEMBytes(Array(pki.authorityPEM.utf8)))
    configuration.certificateVerification = verification
    configuration.minimumTLSVersion = version
    configuration.maximumTLSVersion = version
    return Site(
      rig: rig, server: server, pki: pki, context: try NIOSSLContext(configuration: configuration))
  }

  /// Serves one leg up to its startup message, and gives the record of the refused login.
  private static func refusal(_ site: Site) async throws -> RefusalRecord {
    let serving = Task {
      let peer = try await site.server.accept(within: GatewayRig.patience)
      _ = try? await peer.receiveStartup(tls: site.context)
      await peer.close()
    }
    #expect(try await site.rig.psql("SELECT 1;").exit == .code(2))
    try await serving.value
    let records = try await site.rig.records("a refusal") { !$0.refusals.isEmpty }
    let refusal = try #require(records.refusals.first)
    #expect(refusal.sqlstate == "08006")
    #expect(!refusal.detail.contains("PRIVATE KEY"))
    return refusal
  }

  @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
  func theServerSaysWhatItDislikes(_ version: TLSVersion) async throws {
    let strangers = try TestPKI(name: "Strangers")
    let cases: [((TestPKI) throws -> TestPKI.Leaf?, String)] = [
      ({ _ in try strangers.issue([], usage: .client, commonName: "app") }, "does not know"),
      (
        { try $0.issue([], usage: .client, commonName: "app", validity: -7200...(-3600)) },
        "expired or not yet valid"
      ),
    ]
    for (leaf, cause) in cases {
      let site = try await Self.site(shows: leaf, version: version)
      let refused = try await Self.refusal(site)
      #expect(refused.reason == "server_tls", "\(cause): \(refused.detail)")
      // Where the word is lost with the connection, the record says what it may have been.
      #expect(
        refused.detail.contains(cause) || refused.detail.contains("had seen the role's client"),
        "\(refused.detail)")
      if version == .tlsv12 { #expect(refused.detail.contains(cause), "\(refused.detail)") }
      await site.rig.end()
    }
  }

  @Test func aServerThatWantsOneAndIsShownNoneIsUnderstood() async throws {
    let site = try await Self.site(shows: { _ in nil }, version: .tlsv12)
    let refused = try await Self.refusal(site)
    #expect(refused.reason == "server_tls")
    #expect(refused.detail.contains("it may want a client certificate"), "\(refused.detail)")
    await site.rig.end()
  }

  @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
  func aCancelShowsItToo(_ version: TLSVersion) async throws {
    let site = try await Self.site(
      shows: { try $0.issue([], usage: .client, commonName: "app") }, version: version)
    let key = CancelKey(processID: 31, secret: [4, 3, 2, 1])
    let serving = Task {
      let peer = try await site.server.accept(within: GatewayRig.patience)
      _ = try await peer.receiveStartup(tls: site.context)
      try await peer.welcome(cancelKey: key)
      _ = try await peer.receiveFrontend(within: GatewayRig.patience)
      // The cancel's own connection.
      let cancel = try await site.server.accept(within: GatewayRig.patience)
      guard case .sslRequest = try await cancel.receiveStartupPacket(within: GatewayRig.patience)
      else { throw TestFailure("no SSLRequest") }
      try await cancel.send(ByteBuffer(string: "S"))
      try await cancel.secure(asServerWith: site.context)
      let packet = try await cancel.receiveStartupPacket(within: GatewayRig.patience)
      await cancel.close()
      await peer.close()
      return packet
    }
    let (client, welcome) = try await site.rig.client()
    try await client.peer.send(FrontendMessage.Query(sql: "SELECT pg_sleep(60)").encode)
    _ = try await site.rig.records("running") { $0.begin(of: "SELECT pg_sleep(60)") != nil }
    try await site.rig.cancel(try #require(welcome.cancelKey))
    #expect(try await serving.value == .cancelRequest(key))
    await site.rig.end()
  }
}
