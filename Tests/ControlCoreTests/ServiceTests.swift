import APIModel
import ControlCore
import Foundation
import GatewayModel
import SessionToken
import SignedBundle
import Testing

@Suite struct ServiceTests {
  @Test func bootstrapTokenBecomesOneAPIToken() async throws {
    let plane = try await Plane()
    let access = plane.plane.access
    let token = try #require(try await access.bootstrapToken())
    #expect(try await access.bootstrapToken() == nil)
    let wrong = await #expect(throws: ControlError.self) {
      try await access.bootstrap(BootstrapRequest(bootstrapToken: "spb_x", name: "laptop"))
    }
    #expect(wrong?.code == .unauthorized)
    await #expect(throws: ControlError.self) {
      try await access.bootstrap(BootstrapRequest(bootstrapToken: token.text, name: ""))
    }
    let answer = try await access.bootstrap(
      BootstrapRequest(bootstrapToken: token.text, name: "laptop"))
    #expect(try await access.authenticate(bearer: answer.apiToken).name == "laptop")
    let spent = await #expect(throws: ControlError.self) {
      try await access.bootstrap(BootstrapRequest(bootstrapToken: token.text, name: "again"))
    }
    #expect(spent?.code == .unauthorized)
    // Only hashes are kept.
    let kept = plane.store.state.withLock { $0.tokens.map(\.hash) }
    #expect(kept.allSatisfy { $0.count == 32 && $0 != Array(answer.apiToken.utf8) })
  }

  @Test(arguments: [nil, "", "spt_unknown", String(repeating: "x", count: 10_000)])
  func unknownAPITokensAreRefused(bearer: String?) async throws {
    let plane = try await Plane()
    let error = await #expect(throws: ControlError.self) {
      try await plane.plane.access.authenticate(bearer: bearer)
    }
    #expect(error?.code == .unauthorized)
    if let bearer, !bearer.isEmpty { #expect(error?.message.contains(bearer) == false) }
  }

  @Test func undeliveredBootstrapTokenIsOfferedAgainAndASpentOneIsNot() async throws {
    let access = try await Plane().plane.access
    #expect(try await !access.hasBootstrapToken())
    let undelivered = try #require(try await access.bootstrapToken())
    #expect(try await access.hasBootstrapToken())
    try await access.withdraw(bootstrapToken: undelivered)
    #expect(try await !access.hasBootstrapToken())
    await #expect(throws: ControlError.self) {
      try await access.bootstrap(
        BootstrapRequest(bootstrapToken: undelivered.text, name: "x"))
    }
    let delivered = try #require(try await access.bootstrapToken())
    _ = try await access.bootstrap(
      BootstrapRequest(bootstrapToken: delivered.text, name: "x"))
    try await access.withdraw(bootstrapToken: delivered)
    #expect(try await access.bootstrapToken() == nil)
  }

  @Test func lostBootstrapTokenIsReplaced() async throws {
    let plane = try await Plane()
    let lost = try #require(try await plane.plane.access.bootstrapToken())
    let other = try await plane.plane.access.replaceBootstrapToken()
    await #expect(throws: ControlError.self) {
      try await plane.plane.access.bootstrap(
        BootstrapRequest(bootstrapToken: lost.text, name: "x"))
    }
    _ = try await plane.plane.access.bootstrap(
      BootstrapRequest(bootstrapToken: other.text, name: "x"))
  }

  @Test func sessionsOfOneIDAreShownTogetherUpToABound() async throws {
    let plane = try await Plane()
    let id = Identifier128(high: 0, low: 9).description
    let agents = (UInt64(1)...5).map { Identifier128(high: $0 << 60, low: 0).description }
    func show(_ id: String, agent: String? = nil) async throws -> [String] {
      try await plane.plane.audit.sessions(withID: id, agent: agent, by: plane.caller)
        .map(\.session.agent)
    }
    func record(_ agent: String) {
      let info = SessionInfo(
        id: id, openedAt: "", closedAt: nil, closeReason: nil, principal: "p",
        principalKind: "user", groups: [], connection: "c", database: "d", databaseRole: "r",
        agent: agent, clientAddress: "", applicationName: nil, statements: 0)
      plane.store.state.withLock {
        $0.sessions.append(SessionDetail(session: info, statements: []))
      }
    }
    let none = await #expect(throws: ControlError.self) { try await show(id) }
    #expect(none?.code == .notFound)
    for agent in agents.prefix(4) { record(agent) }
    #expect(try await show(id) == Array(agents.prefix(4)))
    record(agents[4])
    let many = await #expect(throws: ControlError.self) { try await show(id) }
    #expect(many?.code == .invalid)
    #expect(try await show(id, agent: "2") == [agents[1]])
    let missing = await #expect(throws: ControlError.self) { try await show(id, agent: "F") }
    #expect(missing?.code == .notFound)
    #expect(missing?.message.contains("\"f\"") == true)
    for (id, agent) in [("x", nil), (id, "x"), (id, "")] as [(String, String?)] {
      let error = await #expect(throws: ControlError.self) { try await show(id, agent: agent) }
      #expect(error?.code == .invalid)
    }
  }

  @Test func issuedTokenIsGoodAtTheAgent() async throws {
    let plane = try await Plane()
    _ = try await plane.plane.connections.add(Plane.draft(), by: plane.caller)
    let issued = try await plane.plane.tokens.issue(
      TokenRequest(
        subject: "alice@example.com", displayName: "Alice", groups: ["dba"], kind: "user",
        connections: ["orders"], lifetimeSeconds: 60),
      by: plane.caller)
    #expect(issued.expiresAt == "2027-01-15T08:01:00.000000Z")
    let verifier = TokenVerifier(
      issuer: "sallyport", keys: try await plane.tokenKeys())
    let verified = try verifier.verify(
      Secret(text: issued.token), connection: "orders",
      now: WallTime(unixNanoseconds: 1_800_000_001 * 1_000_000_000))
    #expect(verified.principal.subject == "alice@example.com")
    #expect(verified.principal.groups == ["dba"])
  }

  @Test func connectionIsTriedAtEveryAgentAndRole() async throws {
    let plane = try await Plane()
    let first = try await plane.enrol()
    let second = try await plane.enrol()
    _ = try await plane.plane.connections.add(Plane.draft(), by: plane.caller)
    let id = AgentID(try #require(Identifier128(text: first.agentID)))
    let tests = plane.plane.connectionTests
    let attachment = await tests.attach(id) { command in
      Task {
        await tests.answer(
          from: id, requestID: command.requestID,
          ConnectionTestAnswer(
            ok: true, detail: "PostgreSQL 15 as \(command.role)", duration: .milliseconds(3)))
      }
      return true
    }
    let results = try await plane.plane.connections.test("orders", by: plane.caller)
    #expect(results.count == 2)
    #expect(results.first { $0.agentID == first.agentID }?.detail == "PostgreSQL 15 as app")
    #expect(results.first { $0.agentID == first.agentID }?.milliseconds == 3)
    #expect(results.first { $0.agentID == second.agentID }?.ok == false)
    await tests.detach(attachment)
    #expect(await tests.isAttached(id) == false)
  }

  @Test func testsEndWithoutAnAnswer() async throws {
    let tests = ConnectionTests(surroundings: Plane.surroundings { 0 })
    let id = AgentID(Identifier128(high: 1, low: 1))
    let other = AgentID(Identifier128(high: 2, low: 2))
    func run(_ deadline: Duration = .seconds(60)) async -> ConnectionTestAnswer? {
      await tests.run(at: id, connection: "c", role: "r", within: deadline)
    }
    #expect(await run() == nil)
    _ = await tests.attach(id) { _ in false }
    #expect(await run() == nil)
    let silent = await tests.attach(id) { _ in true }
    #expect(await run(.milliseconds(10)) == nil)

    let (sent, send) = AsyncStream<ConnectionTestCommand>.makeStream()
    let attachment = await tests.attach(id) { command in
      send.yield(command)
      return true
    }
    // The end of a link that was replaced ends nothing of its successor.
    await tests.detach(silent)
    let cut = Task { await run() }
    for await command in sent {
      // An answer in another agent's name does not count.
      await tests.answer(
        from: other, requestID: command.requestID,
        ConnectionTestAnswer(ok: true, detail: "", duration: .zero))
      break
    }
    await tests.detach(attachment)
    #expect(await cut.value == nil)
  }

  @Test(
    arguments: [
      ("2027-01-15T08:00:00Z", 1_800_000_000_000_000_000),
      ("2027-01-15T08:00:00.5Z", 1_800_000_000_500_000_000),
      ("2027-01-15t10:30:00.123456789+02:30", 1_800_000_000_123_456_789),
    ] as [(String, Int64)])
  func timesAreRead(text: String, nanoseconds: Int64) {
    #expect(TimeText.time(text)?.unixNanoseconds == nanoseconds)
  }

  @Test(arguments: [
    "", "now", "2027-01-15", "2027-01-15T08:00:00", "2027-13-15T08:00:00Z",
    "2027-01-15T08:00:00.Z", "2027-01-15T08:00:00.1234567890Z", "99999-01-15T08:00:00Z",
    "9999-01-15T08:00:00Z",
  ])
  func otherTextIsNoTime(text: String) { #expect(TimeText.time(text) == nil) }

  @Test(arguments: [0, 1, -1, 1_800_000_000_123_456_000, -1_000_000_001, Int64.max, Int64.min])
  func writtenTimesAreReadBack(nanoseconds: Int64) {
    let text = TimeText.text(WallTime(unixNanoseconds: nanoseconds))
    guard let read = TimeText.time(text) else {
      #expect(nanoseconds == .min, "\(text)")
      return
    }
    // To the microsecond, rounded down.
    #expect((0..<1000).contains(nanoseconds - read.unixNanoseconds))
  }
}

extension Plane {
  /// The keys in the bundle, as an agent has them.
  func tokenKeys() async throws -> [String: String] {
    let bundle = try await plane.bundles.currentBundle(segment: "prod")
    let envelope = try Envelope(encoded: bundle.envelope)
    let payload = try JSONDecoder().decode(BundlePayload.self, from: Data(envelope.payload))
    return Dictionary(
      payload.tokenKeys.map { ($0.kid, $0.publicKey) }, uniquingKeysWith: { first, _ in first })
  }
}
