import APIModel
import ControlCore
import Crypto
import Foundation
import GatewayModel
import PeerIdentity
import Synchronization
import Testing

/// An agent whose certificate has expired proves itself by what it holds.
@Suite struct RecoveryTests {
  /// A control plane whose clock the test sets, with an agent whose keys the test has.
  private struct Bench {
    let store = MemoryStore()
    let plane: ControlPlane
    let clock: Clock
    let id: AgentID
    let tlsKey = P256.Signing.PrivateKey()
    let auditKey = Curve25519.Signing.PrivateKey()
    let certificate: String
    let caller = Caller(
      tokenID: Identifier128(high: 1, low: 2), name: "admin", role: .admin)

    final class Clock: Sendable {
      let seconds = Mutex<Int64>(1_800_000_000)
      func pass(_ seconds: Int64) { self.seconds.withLock { $0 += seconds } }
      var milliseconds: Int64 { seconds.withLock { $0 } * 1000 }
    }

    init() async throws {
      let settings = ControlSettings(
        organisation: "acme", version: "0.1", linkAddress: "c:1", serverNames: ["localhost"])
      let clock = Clock()
      let surroundings = Plane.surroundings { clock.seconds.withLock { $0 } }
      let keys = try await ControlKeys.open(
        store: store, wrappingKey: MemoryKeyFile(), settings: settings,
        surroundings: surroundings)
      plane = ControlPlane(
        settings: settings, keys: keys, stores: store.stores, surroundings: surroundings)
      self.clock = clock
      var request = try Plane.request(
        try await plane.agents.invite(
          InvitationDraft(segment: "prod", clientAddress: "gw.example.com:5432"), by: caller))
      request.csrPEM = try CertificateRequest.make(key: tlsKey, commonName: "a")
      request.auditPublicKey = auditKey.publicKey.rawRepresentation.base64EncodedString()
      let answer = try await plane.agents.enrol(request)
      id = AgentID(try #require(Identifier128(text: answer.agentID)))
      certificate = answer.certificateChainPEM
    }

    func request(
      csr: String? = nil, tlsKey: P256.Signing.PrivateKey? = nil,
      auditKey: Curve25519.Signing.PrivateKey? = nil, after milliseconds: Int64 = 0
    ) throws -> RecoverRequest {
      var request = RecoverRequest(
        agentID: id.description, certificatePEM: certificate,
        csrPEM: try csr
          ?? CertificateRequest.make(key: P256.Signing.PrivateKey(), commonName: "a"),
        unixMilliseconds: clock.milliseconds + milliseconds)
      request.tlsSignature = try (tlsKey ?? self.tlsKey).signature(for: request.signedBytes)
        .derRepresentation.base64EncodedString()
      request.auditSignature = try (auditKey ?? self.auditKey)
        .signature(for: request.signedBytes).base64EncodedString()
      return request
    }

    func refusal(_ request: RecoverRequest) async -> ControlError? {
      do throws(ControlError) {
        _ = try await plane.agents.recover(request)
        return nil
      } catch {
        return error
      }
    }
  }

  @Test func expiredAgentComesBack() async throws {
    let bench = try await Bench()
    #expect(await bench.refusal(try bench.request())?.code == .conflict)
    bench.clock.pass(3 * 86_400)
    let answer = try await bench.plane.agents.recover(try bench.request())
    let certificate = try PeerCertificate(firstOfPEM: answer.certificateChainPEM)
    #expect(try certificate.agentIdentity().agent == bench.id)
    #expect(certificate.generation == 2)
    #expect(certificate.notAfter.unixNanoseconds / 1_000_000 > bench.clock.milliseconds)
  }

  @Test func onlyTheHolderOfBothKeysComesBack() async throws {
    let bench = try await Bench()
    bench.clock.pass(3 * 86_400)
    let stranger = P256.Signing.PrivateKey()
    #expect(await bench.refusal(try bench.request(tlsKey: stranger))?.code == .unauthorized)
    #expect(
      await bench.refusal(
        try bench.request(auditKey: Curve25519.Signing.PrivateKey()))?.code == .unauthorized)
    var changed = try bench.request()
    changed.csrPEM = try CertificateRequest.make(key: stranger, commonName: "a")
    #expect(await bench.refusal(changed)?.code == .unauthorized)
    var other = try bench.request()
    other.agentID = AgentID(Identifier128(high: 9, low: 9)).description
    #expect(await bench.refusal(other)?.code == .unauthorized)
    let foreign = try CertificateAuthority.create(
      organisation: "acme", key: stranger, serial: Identifier128(high: 5, low: 5),
      now: WallTime(unixNanoseconds: 1_700_000_000_000_000_000))
    var forged = try bench.request()
    forged.certificatePEM = foreign.certificatePEM
    #expect(await bench.refusal(forged)?.code == .unauthorized)
  }

  @Test func aRequestIsGoodOnceAndNotForLong() async throws {
    let bench = try await Bench()
    bench.clock.pass(3 * 86_400)
    let old = try bench.request()
    bench.clock.pass(601)
    #expect(await bench.refusal(old)?.code == .unauthorized)
    let early = try bench.request(after: 700_000)
    #expect(await bench.refusal(early)?.code == .unauthorized)
    let request = try bench.request()
    _ = try await bench.plane.agents.recover(request)
    #expect(await bench.refusal(request)?.message.contains("used before") == true)
    // The agent that has not seen the answer asks for the same key once more.
    let again = try bench.request(csr: request.csrPEM, after: 10)
    let answer = try await bench.plane.agents.recover(again)
    #expect(try PeerCertificate(firstOfPEM: answer.certificateChainPEM).generation == 2)
  }

  @Test func removedQuarantinedAndClonedAgentsDoNotComeBack() async throws {
    let cloned = try await Bench()
    cloned.clock.pass(3 * 86_400)
    _ = try await cloned.plane.agents.recover(try cloned.request())
    #expect(await cloned.refusal(try cloned.request(after: 10))?.code == .forbidden)
    #expect(
      try await cloned.plane.agents.show("\(cloned.id)", by: cloned.caller).link == "locked")

    let quarantined = try await Bench()
    quarantined.clock.pass(3 * 86_400)
    quarantined.store.state.withLock {
      $0.agents[0].quarantine = AgentQuarantine(at: WallTime(unixNanoseconds: 1), reason: "x")
    }
    #expect(await quarantined.refusal(try quarantined.request())?.code == .forbidden)

    let removed = try await Bench()
    removed.clock.pass(3 * 86_400)
    try await removed.plane.agents.remove("\(removed.id)", by: removed.caller)
    let refusal = await removed.refusal(try removed.request())
    #expect(refusal?.code == .forbidden)
    // The agent's ControlLink goes by this, and ends its clients' sessions.
    #expect(refusal?.body.code == APIErrorBody.removed)
    #expect(await quarantined.refusal(try quarantined.request())?.body.code == "forbidden")
  }
}
