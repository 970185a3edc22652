import APIModel
import AuditLog
import Crypto
import Foundation
import GatewayModel
import PeerIdentity
import Synchronization
import Testing

@testable import ControlCore

/// What the control plane records of what is done and read at it.
@Suite struct ControlLogTests {
  /// Secrets that acts handle; none may stand in a record.
  private static func everything(_ plane: Plane) async throws -> [String] {
    let control = plane.plane
    let bootstrap = try #require(try await control.access.bootstrapToken())
    let token = try await control.access.bootstrap(
      BootstrapRequest(bootstrapToken: bootstrap.text, name: "laptop"), from: "10.0.0.7")
    let replaced = try await control.access.replaceBootstrapToken()
    let invitation = try await control.agents.invite(
      InvitationDraft(segment: "prod", clientAddress: "gateway.example.com:5432"),
      by: plane.caller)
    let agent = try await control.agents.enrol(
      try Plane.request(invitation), from: "10.0.0.8")
    var draft = Plane.draft()
    draft.roles[0].credentials = [
      SealedCredentialDraft(
        agentID: agent.agentID,
        encapsulatedKey: Data("canary-key-of-thirty-two-bytes-!".utf8)
          .base64EncodedString(),
        ciphertext: Data("canary-ciphertext-that-is-long-enough".utf8).base64EncodedString())
    ]
    let ciphertext = draft.roles[0].credentials[0].ciphertext
    _ = try await control.connections.add(draft, by: plane.caller)
    _ = try await control.connections.test("orders", by: plane.caller)
    _ = try await control.grants.add(
      GrantDraft(name: "g", principal: nil, group: "dba", connection: "orders", role: "app"),
      by: plane.caller)
    let issued = try await control.tokens.issue(
      TokenRequest(
        subject: "alice", displayName: nil, groups: ["dba"], kind: "user",
        connections: ["orders"], lifetimeSeconds: 60), by: plane.caller)
    let id = AgentID(try #require(Identifier128(text: agent.agentID)))
    try await control.agents.judged(
      id, BundleVerdictReport(version: 1, accepted: false, reason: "expired", detail: "old"))
    try await control.agents.judged(
      id, BundleVerdictReport(version: 2, accepted: true, reason: "", detail: ""))
    _ = try await control.agents.renew(
      id, csrPEM: try CertificateRequest.make(key: P256.Signing.PrivateKey(), commonName: "agent"),
      presenting: 1)
    try await control.grants.remove("g", by: plane.caller)
    try await control.connections.remove("orders", by: plane.caller)
    try await control.agents.remove(agent.agentID, by: plane.caller)
    return [
      bootstrap.text, token.apiToken, replaced.text, invitation.joinToken,
      JoinToken(text: invitation.joinToken)?.secretHex ?? "", issued.token, ciphertext,
    ]
  }

  @Test func `every act is recorded, and no secret is`() async throws {
    let plane = try await Plane()
    let secrets = try await Self.everything(plane)
    let actions = plane.store.actions
    #expect(
      actions.filter { $0 != "bundle.issue" } == [
        "bootstrap.create", "api_token.create", "bootstrap.replace", "agent.invite", "agent.enrol",
        "connection.add", "connection.test", "grant.add", "session_token.issue", "bundle.reject",
        "agent.renew", "grant.remove", "connection.remove", "agent.remove",
      ])
    // A bundle for each change of what it is made of.
    #expect(actions.count { $0 == "bundle.issue" } == 6)
    let bytes = plane.store.state.withLock { $0.log.map(\.bytes) }
    for secret in secrets {
      #expect(secret.utf8.count > 8)
      for record in bytes { #expect(!record.contains(subsequence: Array(secret.utf8))) }
    }
  }

  @Test func `an act says who, what and from where`() async throws {
    let plane = try await Plane()
    _ = try await Self.everything(plane)
    let log = plane.store.state.withLock { $0.log.map { ControlLogSummary($0.body) } }
    func find(_ action: String) throws -> ControlLogSummary {
      try #require(log.first { $0.action == action })
    }
    let grant = try find("grant.add")
    #expect(grant.caller.name == "admin")
    #expect(grant.caller.tokenID == plane.caller.tokenID.description)
    #expect(grant.subject == "g")
    let version = try #require(try await plane.store.policy(version: 1))
    #expect(
      grant.detail == """
        {"connection":"orders","effects":["all"],"group":"dba","role":"app",\
        "sha256":"\(Hexadecimal.text(version.head.digest))","version":1}
        """)
    #expect(try find("api_token.create").caller.address == "10.0.0.7")
    #expect(try find("agent.enrol").caller.address == "10.0.0.8")
    let bundle = try find("bundle.issue")
    #expect(bundle.caller == .controlPlane)
    #expect(bundle.subject == "prod")
    let stored = try #require(try await plane.store.currentBundle(segment: "prod"))
    let issued = log.last { $0.action == "bundle.issue" }
    #expect(
      issued?.detail
        == #"{"sha256":"\#(Hexadecimal.text(stored.payloadHash))","version":\#(stored.version)}"#)
  }

  @Test func `what fails is not recorded as done`() async throws {
    let plane = try await Plane()
    await #expect(throws: ControlError.self) {
      try await plane.plane.grants.remove("none", by: plane.caller)
    }
    await #expect(throws: ControlError.self) {
      try await plane.plane.connections.remove("none", by: plane.caller)
    }
    #expect(plane.store.actions.isEmpty)
  }

  @Test func `a read is recorded before it, and refused when it cannot be`() async throws {
    let plane = try await Plane()
    let audit = plane.plane.audit
    _ = try await audit.statements(
      StatementFilter(principal: ["alice"], words: "salary"), by: plane.caller)
    _ = try await audit.sessions(SessionFilter(connection: "orders"), by: plane.caller)
    await #expect(throws: ControlError.self) {
      try await audit.sessions(
        withID: "00000000-0000-0000-0000-000000000001", agent: nil, by: plane.caller)
    }
    _ = try await plane.plane.controlLog.entries(ControlLogFilter(), by: plane.caller)
    let log = plane.store.state.withLock { $0.log.map { ControlLogSummary($0.body) } }
    #expect(log.map(\.action) == Array(repeating: "audit.read", count: 4))
    #expect(log.map(\.subject) == ["statements", "sessions", "session", "control"])
    #expect(log[0].detail.contains(#""principal":["alice"]"#))
    #expect(log[0].detail.contains(#""words":"salary""#))
    #expect(log[0].caller.name == "admin")

    let reads = plane.store.state.withLock { state in
      state.failure = ControlError(.unavailable, "away")
      return state.statementQueries.count
    }
    let refusal = await #expect(throws: ControlError.self) {
      try await audit.statements(StatementFilter(), by: plane.caller)
    }
    #expect(refusal?.message.contains("Nothing was read") == true)
    #expect(plane.store.state.withLock { $0.statementQueries.count } == reads)
    // A question that is wrong reads nothing.
    plane.store.state.withLock { $0.failure = nil }
    await #expect(throws: ControlError.self) {
      try await audit.statements(StatementFilter(limit: 0), by: plane.caller)
    }
    #expect(plane.store.actions.count == 4)
  }

  @Test func `the next pages of a question are recorded once a minute`() async throws {
    let seconds = Mutex<Int64>(0)
    let store = MemoryStore()
    let surroundings = Plane.surroundings { seconds.withLock { 1_800_000_000 + $0 } }
    let settings = ControlSettings(
      organisation: "acme", version: "0.1", linkAddress: "control:7443", serverNames: ["localhost"])
    let keys = try await ControlKeys.open(
      store: store, wrappingKey: MemoryKeyFile(), settings: settings, surroundings: surroundings)
    let plane = ControlPlane(
      settings: settings, keys: keys, stores: store.stores, surroundings: surroundings)
    let one = Caller(tokenID: Identifier128(high: 1, low: 1), name: "one", role: .admin)
    let two = Caller(tokenID: Identifier128(high: 1, low: 2), name: "two", role: .admin)
    func ask(_ caller: Caller, cursor: String? = nil, principal: String = "a") async throws -> Int {
      _ = try await plane.audit.statements(
        StatementFilter(principal: [principal], cursor: cursor), by: caller)
      return store.actions.count
    }
    #expect(try await ask(one) == 1)
    #expect(try await ask(one, cursor: "5") == 1)
    #expect(try await ask(one, cursor: "6") == 1)
    // Asked anew, asked by another, and another question.
    #expect(try await ask(one) == 2)
    #expect(try await ask(two, cursor: "5") == 3)
    #expect(try await ask(one, cursor: "5", principal: "b") == 4)
    seconds.withLock { $0 = 59 }
    #expect(try await ask(one, cursor: "7") == 4)
    seconds.withLock { $0 = 60 }
    #expect(try await ask(one, cursor: "8") == 5)
    seconds.withLock { $0 = 119 }
    #expect(try await ask(one, cursor: "9") == 5)
  }

  @Test func `refusals are recorded a few a second, the rest is counted`() async throws {
    let plane = try await Plane()
    let log = plane.plane.controlLog
    for _ in 0..<100 { await log.refused("GET /v1/agents", .unauthorized, from: "10.9.9.9") }
    #expect(plane.store.actions == Array(repeating: "api.call", count: 5))
    await log.tellLeftOut()
    await log.tellLeftOut()
    let entries = plane.store.state.withLock { $0.log.map { ControlLogSummary($0.body) } }
    #expect(entries.count == 6)
    #expect(entries[0].refusal == "unauthorized")
    #expect(entries[0].subject == "GET /v1/agents")
    #expect(entries[0].caller.address == "10.9.9.9")
    #expect(entries[5].detail == #"{"left_out":95}"#)
  }

  @Test func `what could not be recorded is counted with the next`() {
    let allowance = RefusalAllowance()
    let second = WallTime(unixNanoseconds: 5_000_000_000)
    for _ in 0..<RefusalAllowance.perSecond { #expect(allowance.take(at: second) == 0) }
    #expect(allowance.take(at: second) == nil)
    #expect(allowance.take(at: WallTime(unixNanoseconds: 6_000_000_000)) == 1)
    allowance.giveBack(3)
    #expect(allowance.take(at: WallTime(unixNanoseconds: 6_000_000_001)) == 3)
    #expect(allowance.takeLeftOut() == 0)
  }

  @Test func `an agent is shown a signed checkpoint that proves what it knew`() async throws {
    let plane = try await Plane()
    let control = plane.plane
    #expect(try await control.controlLog.witnessing(knownSize: 0) == nil)
    _ = try await Self.everything(plane)
    let witnessed = try WitnessedLog(
      log: plane.plane.keys.controlLog,
      publicKey: Data(base64Encoded: plane.plane.keys.auditPublicKey) ?? Data())
    let first = try #require(try await control.controlLog.witnessing(knownSize: 0))
    let known = try #require(witnessed.checkpoint(signed: first.checkpoint))
    try await control.grants.add(by: plane.caller)
    // Kept for a second; an agent that knows more is never shown less.
    let heads = ControlHeads(log: plane.plane.keys.controlLog, store: plane.store)
    let head = try #require(try await heads.newest(notBelow: 0))
    #expect(head.size > known.size)
    let proof = try #require(try await heads.consistency(from: known.size, to: head.size))
    guard case .newer(let newer) = witnessed.judge(head.note, against: known, proof: proof) else {
      Issue.record("not accepted")
      return
    }
    #expect(newer.size == head.size)
    let shown = try #require(try await control.controlLog.witnessing(knownSize: head.size))
    #expect(witnessed.judge(shown.checkpoint, against: newer, proof: shown.consistency) == .same)
  }
}

extension GrantService {
  /// Any act.
  fileprivate func add(by caller: Caller) async throws {
    await #expect(throws: ControlError.self) { try await remove("none", by: caller) }
    let act = PolicyService.Act(action: .addGrant, subject: "x", caller: caller)
    _ = try await policies.change(act) { _ in
      [
        StoredPolicy(
          name: "x", text: "policy: x\n", json: #"{"policy":"x"}"#,
          createdAt: WallTime(unixNanoseconds: 0))
      ]
    }
  }
}

extension Array where Element == UInt8 {
  fileprivate func contains(subsequence bytes: [UInt8]) -> Bool {
    guard let first = bytes.first, count >= bytes.count else { return false }
    return indices.dropLast(bytes.count - 1).contains { start in
      self[start] == first && self[start..<start + bytes.count].elementsEqual(bytes)
    }
  }
}
