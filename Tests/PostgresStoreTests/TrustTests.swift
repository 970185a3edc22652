import ControlCore
import GatewayModel
import Testing

@testable import PostgresStore

extension DatabaseTests {
  /// Root documents, generations of certificates, and refusals by kind.
  @Suite struct Trust {
    private static func verdict(
      _ agent: EnrolledAgent, presenting generation: UInt64, key: [UInt8]
    ) -> RenewalVerdict {
      switch RenewalStep(held: agent, presented: generation, key: key) {
      case .clone: .locked(reason: "cloned")
      case .next(let number), .again(let number):
        .issued(
          RenewedCertificate(
            chainPEM: "", authoritiesPEM: "", generation: number, key: key,
            fingerprint: "sha256:\(number)", expiresAt: time(50)))
      }
    }

    @Test func ofTwoRotationsAtOnceOneIsStored() async throws {
      try await withStore { store in
        let added = try await withThrowingTaskGroup(of: Bool.self) { group in
          for number in UInt8(0)..<20 {
            group.addTask {
              try await store.addRootDocument(
                StoredRoot(version: 1, envelope: [number]),
                with: [SealedSecret(name: "policy-key-\(number)", sealed: [number])], at: time(1))
            }
          }
          return try await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(added.count(where: { $0 }) == 1)
        let roots = try await store.rootDocuments(after: 0)
        #expect(roots.map(\.version) == [1])
        // The key that goes with the document, and no other.
        let keys = try await store.secrets().filter { $0.name.hasPrefix("policy-key-") }
        #expect(keys.map(\.sealed) == roots.map(\.envelope))
        #expect(try await store.rootDocuments(after: 1).isEmpty)
      }
    }

    @Test func aNewRootMakesEverySegmentDue() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        func issue(_ root: UInt64) async throws -> IssuedBundle? {
          try await store.issue(segment: "prod", refreshBefore: time(-1000), at: time(0)) {
            contents, version in
            IssuedBundle(
              segment: contents.segment, version: version, envelope: [1], payloadHash: [2],
              issuedAt: time(0), expiresAt: time(100), rootVersion: root)
          }
        }
        func state() async throws -> FleetState {
          try await store.fleetState(refreshBefore: time(-1000), removedSince: time(0))
        }
        #expect(try await issue(1) != nil)
        #expect(try await state().due.isEmpty)
        _ = try await store.addRootDocument(
          StoredRoot(version: 2, envelope: [2]), with: [], at: time(1))
        #expect(try await state().due == ["prod"])
        #expect(try await state().rootVersion == 2)
        // A replica that does not know the document yet does not settle it.
        #expect(try await issue(1) != nil)
        #expect(try await state().due == ["prod"])
        #expect(try await issue(2)?.rootVersion == 2)
        #expect(try await state().due.isEmpty)
        #expect(try await issue(2) == nil)
        #expect(try await store.currentBundle(segment: "prod")?.rootVersion == 2)
      }
    }

    @Test func ofManyHostsWithOneIdentityOneRenews() async throws {
      try await withStore { store in
        let agent = try await store.enrol(agent: 1)
        let verdicts = try await withThrowingTaskGroup(of: RenewalVerdict?.self) { group in
          for host in UInt8(1)...12 {
            group.addTask {
              // The lock that the second finds is what the third is told.
              try? await store.renew(agent.id, at: time(9)) { held throws(ControlError) in
                guard held.lockedAt == nil else { throw ControlError(.forbidden, "locked") }
                return Self.verdict(held, presenting: 0, key: [host])
              }
            }
          }
          return try await group.reduce(into: [RenewalVerdict]()) { all, verdict in
            if let verdict { all.append(verdict) }
          }
        }
        let issued = verdicts.filter { if case .issued = $0 { true } else { false } }
        #expect(issued.count == 1)
        #expect(verdicts.count == 2)
        let kept = try #require(try await store.agent(agent.id))
        #expect(kept.generation == 1)
        #expect(kept.lockedAt == time(9))
        #expect(kept.quarantine?.reason == "cloned")
        let state = try await store.fleetState(
          refreshBefore: time(-1000), removedSince: time(0))
        #expect(state.lockedAgents == [agent.id])

        #expect(try await store.release(agent.id))
        let released = try #require(try await store.agent(agent.id))
        #expect(released.lockedAt == nil)
        #expect(released.renewsFreely)
        #expect(released.quarantine == nil)
        _ = try await store.renew(agent.id, at: time(10)) {
          Self.verdict($0, presenting: 0, key: [99])
        }
        let renewed = try #require(try await store.agent(agent.id))
        #expect(renewed.generation == 2)
        #expect(renewed.certificateKey == [99])
        #expect(!renewed.renewsFreely)
      }
    }

    @Test func aRefusedLeaseIsShownUntilALeaseIsTaken() async throws {
      try await withStore { store in
        let agent = try await store.enrol(agent: 1)
        func judged(_ document: JudgedDocument, accepted: Bool, _ at: Int64) async throws {
          try await store.judged(
            agent.id,
            BundleVerdictReport(
              document, version: 3, accepted: accepted, reason: accepted ? "" : "expired",
              detail: ""), at: time(at))
        }
        func shown() async throws -> BundleRejection? {
          try await store.agent(agent.id)?.rejection
        }
        try await judged(.lease, accepted: false, 1)
        #expect(try await shown()?.document == .lease)
        #expect(try await shown()?.reason == "expired")
        try await judged(.root, accepted: true, 2)
        #expect(try await shown()?.document == .lease)
        try await judged(.lease, accepted: true, 3)
        #expect(try await shown() == nil)
        // The version in force is that of a bundle alone.
        #expect(try await store.agent(agent.id)?.bundleVersion == 0)
        try await judged(.bundle, accepted: false, 4)
        try await judged(.lease, accepted: true, 5)
        #expect(try await shown()?.document == .bundle)
      }
    }
  }
}
