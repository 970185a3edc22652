import APIModel
import ControlCore
import GatewayModel
import SignedBundle
import TestSupport
import Testing

@Suite struct BundleServiceTests {
  private func payload(_ plane: Plane, _ bundle: IssuedBundle) throws -> BundlePayload {
    let keys = plane.plane.keys.policyPublicKeys.compactMap { PolicyKey(base64: $0) }
    let verifier = BundleVerifier(
      trustedKeys: keys, audience: .init(organisation: "acme", segment: bundle.segment))
    return try verifier.verify(
      bundle.envelope, newerThan: nil,
      now: WallTime(unixNanoseconds: 1_800_000_000 * 1_000_000_000)
    ).payload
  }

  @Test func agentsAcceptWhatIsIssued() async throws {
    let plane = try await Plane()
    _ = try await plane.enrol()
    _ = try await plane.plane.connections.add(Plane.draft(), by: plane.caller)
    _ = try await plane.plane.grants.add(
      GrantDraft(name: nil, principal: nil, group: "dba", connection: "orders", role: "app"),
      by: plane.caller)
    let bundle = try await plane.plane.bundles.currentBundle(segment: "prod")
    let payload = try payload(plane, bundle)
    #expect(payload.version == bundle.version)
    #expect(payload.connections.map(\.name) == ["orders"])
    #expect(payload.policies.flatMap(\.grants).map(\.name) == ["dba-orders-app"])
    #expect(payload.tokenKeys.count == 1)
    #expect(payload.expiresAtUnixSeconds - payload.issuedAtUnixSeconds == 7 * 24 * 3600)
  }

  @Test func changeWakesWhoWaits() async throws {
    let plane = try await Plane()
    let answer = try await plane.enrol()
    let id = AgentID(try #require(Identifier128(text: answer.agentID)))
    let first = try #require(
      try await plane.plane.bundles.nextBundle(
        for: id, segment: "prod", after: 0, within: .seconds(5)))
    let waiting = Task {
      try await plane.plane.bundles.nextBundle(
        for: id, segment: "prod", after: first.version, within: .seconds(30))
    }
    _ = try await plane.plane.connections.add(Plane.draft(), by: plane.caller)
    let next = try #require(try await waiting.value)
    #expect(next.version > first.version)
    #expect(try payload(plane, next).connections.count == 1)
  }

  @Test func changeOfAnotherReplicaIsFoundByThePoll() async throws {
    let plane = try await Plane()
    let answer = try await plane.enrol()
    let id = AgentID(try #require(Identifier128(text: answer.agentID)))
    let first = try await plane.plane.bundles.currentBundle(segment: "prod")
    let running = Task { await plane.plane.run() }
    let waiting = Task {
      try await plane.plane.bundles.nextBundle(
        for: id, segment: "prod", after: first.version, within: .seconds(30))
    }
    // A replica that stored a change and stopped before it issued.
    _ = try await plane.store.add(
      Connection(
        id: Identifier128(high: 0, low: 9), name: "late", segment: "prod", host: "h", port: 1,
        database: "d", tls: .require),
      at: WallTime(unixNanoseconds: 0), replace: false)
    let next = try #require(try await waiting.value)
    #expect(try payload(plane, next).connections.map(\.name) == ["late"])
    running.cancel()
    await running.value
  }

  @Test func aSegmentWithoutABundleHoldsUpNoOther() async throws {
    let plane = try await Plane()
    let good = Set((0..<8).map { "good\($0)" })
    plane.store.state.withLock { state in
      state.unissuable = Set((0..<8).map { "bad\($0)" })
      for segment in good.union(state.unissuable) { state.changes[segment] = 1 }
    }
    let running = Task { await plane.plane.run() }
    try await eventually("the bundles of all good segments") {
      Set(plane.store.state.withLock { $0.bundles.map(\.0.segment) }) == good
    }
    running.cancel()
    await running.value
  }

  @Test func waitEndsAtItsDeadlineAndWithItsTask() async throws {
    let plane = try await Plane()
    let answer = try await plane.enrol()
    let id = AgentID(try #require(Identifier128(text: answer.agentID)))
    let version = try await plane.plane.bundles.currentBundle(segment: "prod").version
    #expect(
      try await plane.plane.bundles.nextBundle(
        for: id, segment: "prod", after: version, within: .milliseconds(10)) == nil)
    let waiting = Task {
      try await plane.plane.bundles.nextBundle(
        for: id, segment: "prod", after: version, within: .seconds(600))
    }
    waiting.cancel()
    #expect(try await waiting.value == nil)
  }

  @Test func storeThatWentBackIsCaughtUp() async throws {
    let plane = try await Plane()
    let answer = try await plane.enrol()
    let id = AgentID(try #require(Identifier128(text: answer.agentID)))
    func greet(_ version: UInt64) async throws {
      try await plane.plane.agents.greeted(
        id,
        AgentGreeting(
          version: "1", hostname: "h", acceptedBundleVersion: version, clientAddress: ""))
    }
    try await greet(70)
    #expect(try await plane.plane.bundles.currentBundle(segment: "prod").version == 71)
    // Nobody can use up the numbers.
    try await greet(.max)
    #expect(try await plane.plane.bundles.currentBundle(segment: "prod").version == 71)
  }
}
