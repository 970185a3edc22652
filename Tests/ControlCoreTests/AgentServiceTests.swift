import APIModel
import ControlCore
import Crypto
import Foundation
import GatewayModel
import PeerIdentity
import SignedBundle
import TestSupport
import Testing

@Suite struct AgentServiceTests {
  @Test func invitedAgentGetsACertificateWithItsIdentity() async throws {
    let plane = try await Plane()
    let answer = try await plane.enrol()
    #expect(answer.organisation == "acme")
    #expect(answer.segment == "prod")
    #expect(answer.linkAddress == "control:7443")
    #expect(answer.clientAddress == "gateway.example.com:5432")
    #expect(answer.policyPublicKeys == plane.plane.keys.policyPublicKeys)
    let identity = try PeerCertificate(firstOfPEM: answer.certificateChainPEM).agentIdentity()
    #expect(identity.agent.description == answer.agentID)
    #expect(identity.organisation == "acme")
    #expect(identity.segment == "prod")
  }

  @Test func joinTokenCarriesTheAuthoritysFingerprint() async throws {
    let plane = try await Plane()
    let invitation = try await plane.plane.agents.invite(
      InvitationDraft(segment: "prod", clientAddress: "gw:5432"), by: plane.caller)
    let token = try #require(JoinToken(text: invitation.joinToken))
    #expect("sha256:" + token.authorityFingerprintHex == plane.plane.keys.authority.fingerprint)
    #expect(invitation.expiresAt == "2027-01-15T08:15:00.000000Z")
  }

  @Test func joinTokenIsGoodOnceAndBadRequestsDoNotSpendIt() async throws {
    let plane = try await Plane()
    let invitation = try await plane.plane.agents.invite(
      InvitationDraft(segment: "prod", clientAddress: "gw:5432"), by: plane.caller)
    let request = try Plane.request(invitation)
    func refusal(_ change: (inout EnrollRequest) -> Void) async -> ControlError? {
      var bad = request
      change(&bad)
      do {
        _ = try await plane.plane.agents.enrol(bad)
        return nil
      } catch {
        return error
      }
    }
    #expect(await refusal { $0.csrPEM = "nonsense" }?.message.hasPrefix("csrPEM") == true)
    #expect(await refusal { $0.auditPublicKey = "AA==" }?.message.hasPrefix("audit") == true)
    #expect(await refusal { $0.sealingPublicKey = "?" }?.message.hasPrefix("sealing") == true)
    #expect(await refusal { $0.joinSecret = "zz" }?.code == .invalid)
    #expect(
      await refusal { $0.joinSecret = String(repeating: "0", count: 64) }?.code
        == .unauthorized)
    #expect(await refusal { $0.hostname = "" }?.message.hasPrefix("hostname") == true)
    #expect(await refusal { _ in } == nil)
    #expect(await refusal { _ in }?.code == .unauthorized)
  }

  /// Who holds a join token learns whether to make another or to look who used it.
  @Test func unknownUsedAndExpiredJoinTokensAreToldApart() async throws {
    let plane = try await Plane()
    func refusal(_ secret: [UInt8]) async throws -> ControlError? {
      var request = try Plane.request(Invitation(joinToken: "", expiresAt: ""))
      request.joinSecret = secret.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      do {
        _ = try await plane.plane.agents.enrol(request)
        return nil
      } catch {
        return error
      }
    }
    let now = WallTime(unixNanoseconds: 1_800_000_000_000_000_000)
    for (secret, seconds) in [(UInt8(1), Int64(1)), (2, -1)] {
      try await plane.store.invite(
        StoredInvitation(
          secretHash: Array(SHA256.hash(data: [UInt8](repeating: secret, count: 32))),
          segment: "prod", clientAddress: "gw:5432", names: ["gw"], createdAt: now,
          expiresAt: WallTime(unixNanoseconds: now.unixNanoseconds + seconds * 1_000_000_000)))
    }
    #expect(try await refusal([UInt8](repeating: 1, count: 32)) == nil)
    let used = try await refusal([UInt8](repeating: 1, count: 32))
    #expect(used?.message == "The join token was used at 2027-01-15T08:00:00.000000Z.")
    #expect(used?.remedy?.contains("agents remove") == true)
    let expired = try await refusal([UInt8](repeating: 2, count: 32))
    #expect(expired?.message == "The join token expired at 2027-01-15T07:59:59.000000Z.")
    #expect(expired?.remedy?.contains("--ttl") == true)
    let unknown = try await refusal([UInt8](repeating: 3, count: 32))
    #expect(unknown?.message.contains("never issued") == true)
    for error in [used, expired, unknown] {
      #expect(error?.code == .unauthorized)
      #expect(error?.remedy?.contains("sallyport agents invite") == true)
    }
  }

  @Test func removedAgentIsNotAdmittedAndItsLinkIsCut() async throws {
    let plane = try await Plane()
    let answer = try await plane.enrol()
    let id = AgentID(try #require(Identifier128(text: answer.agentID)))
    #expect(try await plane.plane.agents.admit(id).segment == "prod")
    let version = try await plane.plane.bundles.currentBundle(segment: "prod").version
    let waiting = Task {
      try await plane.plane.bundles.nextBundle(
        for: id, segment: "prod", after: version + 100, within: .seconds(60))
    }
    try await plane.plane.agents.remove(answer.agentID, by: plane.caller)
    let cut = await #expect(throws: ControlError.self) { try await waiting.value }
    #expect(cut?.code == .forbidden)
    let refused = await #expect(throws: ControlError.self) {
      try await plane.plane.agents.admit(id)
    }
    #expect(refused?.code == .forbidden)
    #expect(try await plane.plane.agents.list(by: plane.caller).isEmpty)
    #expect(
      try await plane.plane.agents.show(answer.agentID, by: plane.caller).link == "removed")
    let again = await #expect(throws: ControlError.self) {
      try await plane.plane.agents.remove(answer.agentID, by: plane.caller)
    }
    #expect(again?.code == .notFound)
  }

  @Test func renewalKeepsTheIdentity() async throws {
    let plane = try await Plane()
    let answer = try await plane.enrol()
    let id = AgentID(try #require(Identifier128(text: answer.agentID)))
    let invitation = Invitation(joinToken: "", expiresAt: "")
    let renewed = try await plane.plane.agents.renew(
      id, csrPEM: try Plane.request(invitation).csrPEM, presenting: 1)
    #expect(renewed.chainPEM != answer.certificateChainPEM)
    #expect(
      try PeerCertificate(firstOfPEM: renewed.chainPEM).agentIdentity().agent == id)
  }

  @Test func linkAndHealthAreShown() async throws {
    let plane = try await Plane()
    let answer = try await plane.enrol()
    let id = AgentID(try #require(Identifier128(text: answer.agentID)))
    func shown() async throws -> AgentInfo {
      try await plane.plane.agents.show(
        String(answer.agentID.prefix(10)).uppercased(), by: plane.caller)
    }
    #expect(try await shown().link == "offline")
    #expect(try await shown().health == "unknown")
    try await plane.plane.agents.reported(
      id,
      AgentHealthReport(
        state: "degraded", problems: ["disk"], openSessions: 4, backlogRecords: 2,
        acceptedBundleVersion: 1))
    #expect(try await shown().link == "online")
    try await plane.plane.agents.judged(
      id, BundleVerdictReport(version: 9, accepted: false, reason: "signature", detail: "d"))
    #expect(try await shown().rejectedBundle?.reason == "signature")
    let status = await plane.plane.status.status(by: plane.caller)
    #expect(status.databaseOK)
    #expect(status.agentsOnline == 1)
    #expect(status.openSessions == 4)
    #expect(status.problems.contains { $0.contains("degraded") })
    #expect(status.problems.contains { $0.contains("refused bundle 9") })
    try await plane.plane.agents.detached(id, attachedAt: WallTime(unixNanoseconds: 0))
    #expect(try await shown().link == "offline")
  }

  @Test(arguments: [("signature", "signature"), ("", "not_given"), (" \n", "not_given")])
  func refusedBundleIsLoggedOnceWithAReason(given: String, shown: String) async throws {
    let lines = LogLines()
    let plane = try await Plane(logger: lines.logger)
    let answer = try await plane.enrol()
    let id = AgentID(try #require(Identifier128(text: answer.agentID)))
    let verdict = BundleVerdictReport(version: 9, accepted: false, reason: given, detail: "d")
    try await plane.plane.agents.judged(id, verdict)
    // Also when the store cannot take it.
    plane.store.state.withLock { $0.failure = ControlError(.unavailable, "away") }
    await #expect(throws: ControlError.self) { try await plane.plane.agents.judged(id, verdict) }
    plane.store.state.withLock { $0.failure = nil }
    let refusals = lines.all.filter { $0.message.contains("refused") }
    #expect(refusals.map(\.level) == [.warning, .warning])
    for line in refusals {
      #expect(
        line.metadata
          == ["agent": id.description, "bundle": "9", "reason": shown, "detail": "d"])
    }
    let agent = try await plane.plane.agents.show(answer.agentID, by: plane.caller)
    #expect(agent.rejectedBundle?.reason == shown)
  }

  @Test func acceptedBundleIsNoWarning() async throws {
    let lines = LogLines()
    let plane = try await Plane(logger: lines.logger)
    let answer = try await plane.enrol()
    let id = AgentID(try #require(Identifier128(text: answer.agentID)))
    try await plane.plane.agents.judged(
      id, BundleVerdictReport(version: 9, accepted: true, reason: "", detail: ""))
    let line = try #require(lines.all.last)
    #expect(line.level == .info)
    #expect(line.metadata == ["agent": id.description, "bundle": "9"])
  }

  @Test(arguments: [
    ("Prod", "gw:5432", "segment"), ("", "gw:5432", "segment"),
    ("prod", "gw", "clientAddress"), ("prod", "gw:0", "clientAddress"),
    ("prod", "gw:70000", "clientAddress"), ("prod", ":5432", "clientAddress"),
    ("prod", "::1:5432", "clientAddress"), ("prod", "a b:5432", "clientAddress"),
  ])
  func badInvitationsNameTheField(segment: String, address: String, field: String) async throws {
    let plane = try await Plane()
    let error = await #expect(throws: ControlError.self) {
      try await plane.plane.agents.invite(
        InvitationDraft(segment: segment, clientAddress: address), by: plane.caller)
    }
    #expect(error?.code == .invalid)
    #expect(error?.message.hasPrefix(field) == true)
    #expect(error?.remedy?.isEmpty == false)
  }

  @Test func databaseAwayShowsInTheStatus() async throws {
    let plane = try await Plane()
    plane.store.state.withLock { $0.failure = ControlError(.unavailable, "The database is away.") }
    let status = await plane.plane.status.status(by: plane.caller)
    #expect(!status.databaseOK)
    #expect(status.problems == ["The database is away."])
  }
}
