import APIModel
import ControlCore
import Crypto
import Foundation
import GatewayModel
import PeerIdentity
import SignedBundle
import TestSupport
import Testing

/// Root documents, the rotation of keys, and leases.
@Suite struct TrustTests {
  private let now = WallTime(unixNanoseconds: 1_800_000_000 * 1_000_000_000)
  private let audience = BundleVerifier.Audience(organisation: "acme", segment: "prod")

  private func follow(_ plane: Plane, from: RootDocument) throws -> RootDocument {
    let steps = try RootChain.follow(
      plane.plane.keys.signing.envelopes(after: from.version), from: from)
    return steps.last?.document ?? from
  }

  @Test func enrolmentCarriesTheChainThatVerifiesTheBundle() async throws {
    let plane = try await Plane()
    let answer = try await plane.enrol()
    let chain = try RootChain.begin(
      try #require(answer.rootChain).map { Array(Data(base64Encoded: $0) ?? Data()) },
      organisation: "acme")
    let root = try #require(chain.last?.document)
    let bundle = try await plane.plane.bundles.currentBundle(segment: "prod")
    let read = try BundleVerifier(root: root, audience: audience).verify(
      bundle.envelope, newerThan: nil, now: now)
    #expect(read.payload.limits.maxStaleSeconds == 24 * 3600)
    // An agent that enrolled before there were root documents follows the same chain.
    let implied = RootDocument.implied(
      organisation: "acme", policyKeys: answer.policyPublicKeys.compactMap { PolicyKey(base64: $0) }
    )
    #expect(try follow(plane, from: implied) == root)
    let lease = try plane.plane.bundles.lease(of: bundle)
    guard
      case .renewed(let signed) = try LeaseVerifier(root: root, audience: audience).verify(
        lease, for: read.accepted, after: nil, now: now)
    else {
      Issue.record("the lease is not of its bundle")
      return
    }
    #expect(
      signed.lease.expiresAtUnixMilliseconds - signed.lease.issuedAtUnixMilliseconds == 300_000)
  }

  @Test(arguments: RootService.Kind.allCases)
  func rotationIsFollowedAndBundlesAreIssuedAnew(kind: RootService.Kind) async throws {
    let plane = try await Plane()
    _ = try await plane.enrol()
    let before = plane.plane.keys.signing.root
    let old = try await plane.plane.bundles.currentBundle(segment: "prod")
    let running = Task { await plane.plane.run() }
    #expect(try await plane.plane.roots.rotate(kind, by: "operator", on: "host") == 2)
    try await eventually("the bundle under the new root document") {
      try await plane.plane.bundles.currentBundle(segment: "prod").rootVersion == 2
    }
    running.cancel()
    await running.value
    let root = try follow(plane, from: before)
    #expect(root.version == 2)
    #expect((root.policyKeys != before.policyKeys) == (kind == .policy))
    #expect((root.leaseKeys != before.leaseKeys) == (kind == .lease))
    #expect((root.rootKeys != before.rootKeys) == (kind == .root))
    let fresh = try await plane.plane.bundles.currentBundle(segment: "prod")
    #expect(fresh.version > old.version)
    let verifier = BundleVerifier(root: root, audience: audience)
    _ = try verifier.verify(fresh.envelope, newerThan: nil, now: now)
    if kind == .policy {
      #expect(throws: BundleError.self) {
        try verifier.verify(old.envelope, newerThan: nil, now: now)
      }
    }
    _ = try LeaseVerifier(root: root, audience: audience).verifyStored(
      try plane.plane.bundles.lease(of: fresh))
    // And once more, by the new keys.
    #expect(try await plane.plane.roots.rotate(.policy, by: "operator", on: "host") == 3)
    #expect(try follow(plane, from: before).version == 3)
    let acts = plane.store.state.withLock { $0.log }.compactMap {
      if case .act(let act) = $0.body, act.action == "key.rotate" { act } else { nil }
    }
    #expect(acts.map(\.subject) == [kind.rawValue, "policy"])
    #expect(acts.first?.caller.name == "operator")
  }

  /// Another replica over the same stores, which has looked for changes at its start and not since.
  private func replica(
    of plane: Plane, keyFile: MemoryKeyFile
  ) async throws -> ControlPlane {
    keyFile.key.withLock { [key = plane.keyFile.key.withLock { $0 }] in $0 = key }
    let surroundings = Plane.surroundings { 1_800_000_000 }
    return ControlPlane(
      settings: plane.settings,
      keys: try await ControlKeys.open(
        store: plane.store, wrappingKey: keyFile, settings: plane.settings,
        surroundings: surroundings),
      stores: plane.store.stores, surroundings: surroundings)
  }

  /// Rotates the policy key at a replica and has it issue the bundle under it.
  private func rotate(_ plane: Plane) async throws {
    _ = try await plane.plane.roots.rotate(.policy, by: "operator", on: "host")
    let running = Task { await plane.plane.run() }
    try await eventually("the bundle under the new root document") {
      try await plane.plane.bundles.currentBundle(segment: "prod").rootVersion == 2
    }
    running.cancel()
    await running.value
  }

  @Test func aReplicaTakesInTheRotationOfAnotherBeforeItGivesTheBundle() async throws {
    let plane = try await Plane()
    let id = AgentID(try #require(Identifier128(text: try await plane.enrol().agentID)))
    let first = try await plane.plane.bundles.currentBundle(segment: "prod")
    let (good, bad) = (MemoryKeyFile(), MemoryKeyFile())
    let other = try await replica(of: plane, keyFile: good)
    let keyless = try await replica(of: plane, keyFile: bad)
    try await rotate(plane)
    let next = try await other.bundles.nextBundle(
      for: id, segment: "prod", after: first.version, within: .seconds(5))
    #expect(next?.rootVersion == 2)
    // Else the agent would get the bundle without the document, and refuse it.
    #expect(other.keys.signing.envelopes(after: 1).count == 1)
    // One that cannot read the document holds the bundle back.
    bad.key.withLock { $0 = nil }
    #expect(
      try await keyless.bundles.nextBundle(
        for: id, segment: "prod", after: first.version, within: .milliseconds(20)) == nil)
    bad.key.withLock { [key = plane.keyFile.key.withLock { $0 }] in $0 = key }
    #expect(
      try await keyless.bundles.nextBundle(
        for: id, segment: "prod", after: first.version, within: .seconds(5)) == next)
  }

  @Test func removalIsToldWhileTheKeysCannotBeRead() async throws {
    let plane = try await Plane()
    let id = AgentID(try #require(Identifier128(text: try await plane.enrol().agentID)))
    let keyFile = MemoryKeyFile()
    let keyless = try await replica(of: plane, keyFile: keyFile)
    try await rotate(plane)
    keyFile.key.withLock { $0 = nil }
    let version = try await keyless.bundles.currentBundle(segment: "prod").version
    try await plane.plane.agents.remove("\(id)", by: plane.caller)
    let running = Task { await keyless.run() }
    let error = await #expect(throws: ControlError.self) {
      try await keyless.bundles.nextBundle(
        for: id, segment: "prod", after: version + 9, within: .seconds(5))
    }
    #expect(error?.isRemoval == true)
    running.cancel()
    await running.value
  }

  @Test func keysOfAnEarlierVersionGetARootDocument() async throws {
    let plane = try await Plane()
    let policy = plane.plane.keys.policyPublicKeys
    plane.store.state.withLock { state in
      state.roots = []
      state.secrets.removeAll { ["lease-key", "root-key"].contains($0.name) }
    }
    let keys = try await ControlKeys.open(
      store: plane.store, wrappingKey: plane.keyFile, settings: plane.settings,
      surroundings: Plane.surroundings { 1_800_000_000 })
    #expect(keys.policyPublicKeys == policy)
    #expect(keys.signing.rootVersion == 1)
  }
}

/// Which host has an agent's identity.
@Suite struct RenewalTests {
  private func csr() throws -> String {
    try CertificateRequest.make(key: P256.Signing.PrivateKey(), commonName: "a")
  }

  private func enrolled(_ plane: Plane) async throws -> AgentID {
    AgentID(try #require(Identifier128(text: try await plane.enrol().agentID)))
  }

  @Test func generationsRise() async throws {
    let plane = try await Plane()
    let id = try await enrolled(plane)
    for generation in UInt64(1)...3 {
      let renewed = try await plane.plane.agents.renew(
        id, csrPEM: try csr(), presenting: generation)
      #expect(renewed.generation == generation + 1)
      #expect(
        try PeerCertificate(firstOfPEM: renewed.chainPEM).generation == generation + 1)
    }
  }

  @Test func aLostAnswerIsARepeat() async throws {
    let plane = try await Plane()
    let id = try await enrolled(plane)
    let request = try csr()
    let first = try await plane.plane.agents.renew(id, csrPEM: request, presenting: 1)
    let second = try await plane.plane.agents.renew(id, csrPEM: request, presenting: 1)
    #expect(first.generation == 2)
    #expect(second.generation == 2)
    #expect(first.key == second.key)
  }

  @Test func aCloneIsLockedUntilAPersonHasLooked() async throws {
    let plane = try await Plane()
    let id = try await enrolled(plane)
    _ = try await plane.plane.agents.renew(id, csrPEM: try csr(), presenting: 1)
    let error = await #expect(throws: ControlError.self) {
      try await plane.plane.agents.renew(id, csrPEM: try csr(), presenting: 1)
    }
    #expect(error?.code == .forbidden)
    #expect(error?.message.contains("locked") == true)
    await #expect(throws: ControlError.self) { try await plane.plane.agents.admit(id) }
    let version = try await plane.plane.bundles.currentBundle(segment: "prod").version
    await #expect(throws: ControlError.self) {
      try await plane.plane.bundles.nextBundle(
        for: id, segment: "prod", after: version - 1, within: .seconds(5))
    }
    let info = try await plane.plane.agents.show("\(id)", by: plane.caller)
    #expect(info.link == "locked")
    #expect(info.quarantine?.reason.contains("cloned identity") == true)
    let acts = plane.store.state.withLock { $0.log }.compactMap {
      if case .act(let act) = $0.body { act.action } else { nil }
    }
    #expect(acts.contains("agent.lock"))

    _ = try await plane.plane.agents.release(
      "\(id)", ReleaseRequest(reason: "the copy is gone"), by: plane.caller)
    let renewed = try await plane.plane.agents.renew(id, csrPEM: try csr(), presenting: 1)
    #expect(renewed.generation == 3)
    // Only once: then the rule holds again.
    await #expect(throws: ControlError.self) {
      try await plane.plane.agents.renew(id, csrPEM: try csr(), presenting: 1)
    }
  }

  @Test func anUpgradedAgentHasNoGenerationYet() {
    var agent = EnrolledAgent(
      id: AgentID(Identifier128(high: 1, low: 1)), segment: "s", hostname: "h",
      clientAddress: "c:1", names: [], version: "1", auditKey: [], sealingKey: [],
      certificateFingerprint: "", certificateExpiresAt: WallTime(unixNanoseconds: 0),
      enrolledAt: WallTime(unixNanoseconds: 0))
    #expect(RenewalStep(held: agent, presented: 0, key: [1]) == .next(1))
    agent.generation = 5
    agent.certificateKey = [1]
    #expect(RenewalStep(held: agent, presented: 5, key: [2]) == .next(6))
    #expect(RenewalStep(held: agent, presented: 4, key: [1]) == .again(5))
    #expect(RenewalStep(held: agent, presented: 4, key: [2]) == .clone)
    // The database was put back.
    #expect(RenewalStep(held: agent, presented: 9, key: [2]) == .next(10))
    #expect(
      RenewalStep(held: agent, presented: .max, key: [2]) == .next(UInt64(Int64.max)))
  }
}
