import AuditLog
import Crypto
import GatewayModel
import NIOCore
import PostgresWire
import SessionEngine
import TestSupport
import Testing

/// Logins at the server are bound to its TLS channel where that can be, and nothing but a bound
/// login counts where that is required.
@Suite struct ChannelBindingTests {
  private static let plain = "SCRAM-SHA-256"
  private static let plus = "SCRAM-SHA-256-PLUS"

  private struct Site {
    let rig: GatewayRig
    let server: ScriptedServer
    let pki: TestPKI
    let leaf: TestPKI.Leaf
    /// The `tls-server-end-point` value: the certificate is signed with SHA-256.
    var endPoint: [UInt8] { Array(SHA256.hash(data: leaf.der)) }
  }

  private func site(
    _ mode: ServerChannelBinding = .prefer, tls: ServerTLSMode = .verifyFull
  ) async throws -> Site {
    var options = GatewayRig.Options()
    options.serverChannelBinding = mode
    let rig = try await GatewayRig(options)
    let server = try await ScriptedServer()
    let pki = try TestPKI()
    let database = try await Database.shared.value
    await rig.apply([
      try database.connection(
        agent: rig.agent, tls: tls, port: server.port, authoritiesPEM: pki.authorityPEM)
    ])
    return Site(rig: rig, server: server, pki: pki, leaf: try pki.issue())
  }

  /// Takes a login of the agent: TLS with the site's certificate, then SCRAM.
  private func serve(
    _ site: Site, offering mechanisms: [String], binding: [UInt8]? = nil, hasTLS: Bool = true
  ) -> Task<ScramShown, any Error> {
    Task {
      let peer = try await site.server.accept(within: GatewayRig.patience)
      _ = try await peer.receiveStartup(
        tls: hasTLS ? try site.pki.serverContext(site.leaf) : nil)
      let shown = try await peer.authenticate(
        offering: mechanisms, password: Database.passwords["app"] ?? "", binding: binding)
      if shown.isProven, binding.map({ $0 == shown.binding }) ?? true {
        try await peer.welcome()
        _ = try await peer.receiveFrontend(within: GatewayRig.patience)
      }
      await peer.close()
      return shown
    }
  }

  private func refusal(_ site: Site) async throws -> RefusalRecord {
    let outcome = try await site.rig.psql("SELECT 1;")
    #expect(outcome.exit == .code(2))
    #expect(outcome.errors.contains("the database of connection \"orders\" is not available"))
    let records = try await site.rig.records("a refusal") { !$0.refusals.isEmpty }
    return try #require(records.refusals.first)
  }

  @Test(arguments: [
    [plus, plain], [plain, plus], ["SCRAM-SHA-512", plain, plus, "OAUTHBEARER"], [plus],
  ])
  func theBoundMechanismIsTakenWhereverItStands(_ offered: [String]) async throws {
    let site = try await site()
    let serving = serve(site, offering: offered, binding: site.endPoint)
    let (client, _) = try await site.rig.client()
    try await client.terminate()
    let shown = try await serving.value
    #expect(shown.mechanism == Self.plus)
    #expect(shown.header == "p=tls-server-end-point,,")
    #expect(shown.binding == site.endPoint)
    #expect(shown.isProven)
    await site.rig.end()
  }

  /// Who cut the better mechanism off the list is found out by the server: it did offer it, and is
  /// told that the client would have bound.
  @Test func aListThatWasCutIsTold() async throws {
    let site = try await site()
    let serving = serve(site, offering: [Self.plain])
    let (client, _) = try await site.rig.client()
    try await client.terminate()
    let shown = try await serving.value
    #expect(shown.mechanism == Self.plain)
    #expect(shown.header == "y,,")
    #expect(shown.binding.isEmpty)
    await site.rig.end()
  }

  /// Somebody in between, whose certificate is taken because the mode checks none.
  @Test func anImpostorsCertificateIsNotTheServers() async throws {
    let site = try await site(tls: .require)
    let behind = Array(SHA256.hash(data: try site.pki.issue(["db.example.com"]).der))
    let serving = serve(site, offering: [Self.plain, Self.plus], binding: behind)
    let refused = try await refusal(site)
    #expect(refused.reason == "server_authentication")
    #expect(refused.detail.contains("refuses the proof"), "\(refused.detail)")
    let shown = try await serving.value
    #expect(shown.binding == site.endPoint && shown.isProven)
    await site.rig.end()
  }

  @Test func withoutTLSNothingIsBound() async throws {
    let site = try await site(tls: .disable)
    let serving = serve(site, offering: [Self.plus, Self.plain], hasTLS: false)
    let (client, _) = try await site.rig.client()
    try await client.terminate()
    let shown = try await serving.value
    #expect(shown.mechanism == Self.plain)
    #expect(shown.header == "n,,")
    await site.rig.end()
  }

  // MARK: Required

  @Test func aBoundLoginIsEnough() async throws {
    let site = try await site(.require)
    let serving = serve(site, offering: [Self.plain, Self.plus], binding: site.endPoint)
    let (client, _) = try await site.rig.client()
    try await client.terminate()
    #expect(try await serving.value.mechanism == Self.plus)
    await site.rig.end()
    // And at the real server.
    var options = GatewayRig.Options()
    options.serverChannelBinding = .require
    let (rig, _) = try await GatewayRig.serving(options)
    #expect(try await rig.psql("SELECT 1;").output == "1\n")
    await rig.end()
  }

  @Test func aServerThatOffersNoBindingIsRefused() async throws {
    let site = try await site(.require)
    let serving = serve(site, offering: [Self.plain])
    let refused = try await refusal(site)
    #expect(refused.reason == "server_authentication")
    #expect(
      refused.detail.contains("cannot log in with channel binding: the server offers"),
      "\(refused.detail)")
    await #expect(throws: TestFailure.self) { try await serving.value }
    await site.rig.end()
  }

  @Test func aServerThatAsksForSomethingElseIsRefused() async throws {
    let site = try await site(.require)
    let others: [(BackendMessage.Authentication, String)] = [
      (.ok, "nothing"), (.cleartextPassword, "a cleartext password"),
      (.md5Password(salt: [1, 2, 3, 4]), "an md5 password"),
    ]
    for (index, (request, name)) in others.enumerated() {
      var bytes = ByteBuffer()
      request.encode(into: &bytes)
      let script: [ServerStep] = [
        .startup(tls: try site.pki.serverContext(site.leaf)), .send(bytes), .expectClose,
      ]
      let serving = Task { try await site.server.play(script, within: GatewayRig.patience) }
      #expect(try await site.rig.psql("SELECT 1;").exit == .code(2))
      // Not a byte of the password, in whatever form.
      _ = try await serving.value
      let records = try await site.rig.records("refusals") { $0.refusals.count == index + 1 }
      let expected = "the server asks for \(name), and the agent requires channel binding"
      #expect(records.refusals.contains { $0.detail.contains(expected) })
    }
    await site.rig.end()
  }

  @Test func aWayWithoutTLSIsRefused() async throws {
    let site = try await site(.require, tls: .disable)
    let serving = serve(site, offering: [Self.plus, Self.plain], hasTLS: false)
    let refused = try await refusal(site)
    #expect(refused.detail.contains("the TLS channel has no end point binding"))
    await #expect(throws: TestFailure.self) { try await serving.value }
    await site.rig.end()
  }
}
