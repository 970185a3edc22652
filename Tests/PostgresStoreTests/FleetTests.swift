import ControlCore
import GatewayModel
import Synchronization
import Testing

@testable import PostgresStore

extension DatabaseTests {
  @Suite struct Fleet {
    private static func connection(
      _ name: String, segment: String = "prod", roles: [DatabaseRole] = [DatabaseRole(name: "app")]
    ) -> Connection {
      Connection(
        id: identifier(UInt64(name.utf8.reduce(0) { $0 &* 31 &+ Int($1) })), name: name,
        segment: segment, host: "db", port: 5432, database: "d", tls: .verifyFull,
        authoritiesPEM: "PEM", labels: ["env": "prod"], roles: roles)
    }

    private static func issue(
      _ store: PostgresStore, _ segment: String = "prod", refreshBefore: WallTime = time(-1000)
    ) async throws -> (IssuedBundle, SegmentContents)? {
      let seen = Mutex<SegmentContents?>(nil)
      let bundle = try await store.issue(
        segment: segment, refreshBefore: refreshBefore, at: time(0)
      ) { contents, version in
        seen.withLock { $0 = contents }
        return IssuedBundle(
          segment: segment, version: version, envelope: [1, 2, 3], payloadHash: [4],
          issuedAt: time(0), expiresAt: time(100), rootVersion: 1)
      }
      guard let bundle, let contents = seen.withLock({ $0 }) else { return nil }
      return (bundle, contents)
    }

    @Test func ofAHundredUsesOfOneJoinTokenOneEnrols() async throws {
      let url = try await ClusterTrait.newDatabase()
      try await withStore(at: url) { _ in }
      // On a busy machine ninety-two wait for eight connections longer than a control plane's
      // callers are let wait.
      let pool = PostgresPool(
        address: try DatabaseAddress(url: url), maximumConnections: 8, patience: .seconds(300))
      let store = PostgresStore(pool: pool, logger: quiet)
      do {
        let hash = [UInt8](repeating: 7, count: 32)
        try await store.invite(
          StoredInvitation(
            secretHash: hash, segment: "prod", clientAddress: "gw:5432", names: ["gw"],
            createdAt: time(0), expiresAt: time(900)))
        let enrolled = try await withThrowingTaskGroup(of: EnrolledAgent?.self) { group in
          for number in UInt64(1)...100 {
            group.addTask {
              try await store.enrol(secretHash: hash, at: time(10)) {
                PostgresStore.agent(number, $0)
              }
            }
          }
          return try await group.reduce(into: [EnrolledAgent]()) { all, agent in
            if let agent { all.append(agent) }
          }
        }
        #expect(enrolled.count == 1)
        let agents = try await store.agents(segment: "prod", includingRemoved: true)
        #expect(agents == enrolled)
        #expect(try await store.flaw(ofInvitation: hash) == .used(at: time(10)))
      } catch {
        await store.close()
        throw error
      }
      await store.close()
    }

    @Test func invitationThatEnrolsNobodySaysWhy() async throws {
      try await withStore { store in
        for (secret, expiry) in [(UInt8(1), Int64(900)), (2, 5)] {
          try await store.invite(
            StoredInvitation(
              secretHash: [UInt8](repeating: secret, count: 32), segment: "prod",
              clientAddress: "gw:5432", names: ["gw"], createdAt: time(0),
              expiresAt: time(expiry)))
        }
        func flaw(_ secret: UInt8, at: Int64) async throws -> InvitationFlaw? {
          let hash = [UInt8](repeating: secret, count: 32)
          let agent = try await store.enrol(secretHash: hash, at: time(at)) {
            PostgresStore.agent(UInt64(secret), $0)
          }
          return agent == nil ? try await store.flaw(ofInvitation: hash) : nil
        }
        #expect(try await flaw(1, at: 10) == nil)
        #expect(try await flaw(1, at: 11) == .used(at: time(10)))
        // What was used is not called expired later.
        #expect(try await flaw(1, at: 9_999) == .used(at: time(10)))
        #expect(try await flaw(2, at: 5) == .expired(at: time(5)))
        #expect(try await flaw(3, at: 1) == .unknown)
      }
    }

    @Test func expiredInvitationEnrolsNobodyAndAFailureGivesItBack() async throws {
      try await withStore { store in
        let hash = [UInt8](repeating: 7, count: 32)
        try await store.invite(
          StoredInvitation(
            secretHash: hash, segment: "prod", clientAddress: "gw:5432", names: ["gw"],
            createdAt: time(0), expiresAt: time(900)))
        let late = try await store.enrol(secretHash: hash, at: time(900)) {
          PostgresStore.agent(1, $0)
        }
        #expect(late == nil)
        await #expect(throws: ControlError.self) {
          try await store.enrol(secretHash: hash, at: time(1)) { _ throws(ControlError) in
            throw ControlError(.invalid, "no certificate")
          }
        }
        let enrolled = try await store.enrol(secretHash: hash, at: time(1)) {
          PostgresStore.agent(1, $0)
        }
        #expect(enrolled != nil)
      }
    }

    @Test func agentKeepsWhatItSaysOfItself() async throws {
      try await withStore { store in
        let agent = try await store.enrol(agent: 1)
        try await store.greeted(
          agent.id,
          AgentGreeting(
            version: "0.2", hostname: "new", acceptedBundleVersion: 4, clientAddress: ""),
          at: time(10))
        let health = AgentHealthReport(
          state: "degraded", problems: ["disk 80 %", "slow"], openSessions: 3, backlogRecords: 9,
          acceptedBundleVersion: 5)
        try await store.reported(agent.id, health, at: time(20))
        try await store.judged(
          agent.id,
          BundleVerdictReport(version: 6, accepted: false, reason: "signature", detail: "bad"),
          at: time(30))
        var known = try #require(try await store.agent(agent.id))
        #expect(known.version == "0.2")
        #expect(known.clientAddress == "gw1:5432")
        #expect(known.health == health)
        #expect(known.rejection?.reason == "signature")
        #expect(known.lastSeenAt == time(30))
        try await store.judged(
          agent.id, BundleVerdictReport(version: 7, accepted: true, reason: "", detail: ""),
          at: time(40))
        known = try #require(try await store.agent(agent.id))
        #expect(known.rejection == nil)
        #expect(known.bundleVersion == 7)
        // The end of an older link than the one that greeted is no news.
        try await store.detached(agent.id, attachedAt: time(-60), at: time(50))
        #expect(try await store.agent(agent.id)?.detachedAt == nil)
        try await store.detached(agent.id, attachedAt: time(9), at: time(50))
        #expect(try await store.agent(agent.id)?.detachedAt == time(50))
        let prefix = String(agent.id.description.prefix(12))
        #expect(try await store.agents(withIDPrefix: prefix).map(\.id) == [agent.id])
        #expect(try await store.agents(withIDPrefix: "ffff").isEmpty)
      }
    }

    @Test func connectionsKeepRolesInOrderWithTheirCredentials() async throws {
      try await withStore { store in
        let agent = try await store.enrol(agent: 1)
        let sealed = SealedCredential(agent: agent.id, encapsulatedKey: "k", ciphertext: "c")
        let certificate = SealedCredential(
          agent: agent.id, encapsulatedKey: "k", ciphertext: "c", kind: .certificateAndPassword)
        let roles = [
          DatabaseRole(name: "z", credentials: [sealed]), DatabaseRole(name: "a"),
          DatabaseRole(name: "c", credentials: [certificate]),
        ]
        let stored = try await store.add(
          Self.connection("orders", roles: roles), at: time(1), replace: false)
        #expect(try await store.connection(named: "orders") == stored)
        #expect(stored.connection.roles == roles)
        let taken = await #expect(throws: ControlError.self) {
          try await store.add(Self.connection("orders"), at: time(2), replace: false)
        }
        #expect(taken?.code == .conflict)

        try await store.addPolicy("orders")
        // Policies that name it stay as they are.
        var other = Self.connection("orders", roles: [DatabaseRole(name: "a")])
        other.id = identifier(12345)
        other.allowsFunctionCalls = true
        other.maximumRows = Connection.rowLimits.upperBound
        other.durability = .powerSafe
        #expect(stored.connection.durability == nil)
        #expect(stored.connection.allowsFunctionCalls == nil)
        #expect(stored.connection.maximumRows == nil)
        let replaced = try await store.add(other, at: time(3), replace: true)
        #expect(try await store.connection(named: "orders") == replaced)
        #expect(replaced.connection.durability == .powerSafe)
        #expect(replaced.connection.allowsFunctionCalls == true)
        #expect(replaced.connection.maximumRows == Int(Int32.max))
        #expect(replaced.connection.id == stored.connection.id)
        #expect(replaced.createdAt == time(1))
        #expect(try await store.removeConnection(named: "orders"))
        #expect(try await store.removeConnection(named: "orders") == false)
        #expect(try await store.currentPolicy()?.documents.map(\.name) == ["orders"])
      }
    }

    @Test func bundleIsDueAfterEachChangeAndOnlyThen() async throws {
      try await withStore { store in
        let agent = try await store.enrol(agent: 1)
        let first = try #require(try await Self.issue(store))
        #expect(try await Self.issue(store) == nil)
        var version = first.0.version
        func expectDue(
          _ what: String, and others: [String] = []
        ) async throws -> SegmentContents {
          let due = try await store.fleetState(
            refreshBefore: time(-1000), removedSince: time(0)
          ).due
          #expect(Set(due) == Set(others + ["prod"]), "\(what)")
          let issued = try #require(try await Self.issue(store), "\(what)")
          #expect(issued.0.version > version, "\(what)")
          version = issued.0.version
          return issued.1
        }
        let sealed = SealedCredential(agent: agent.id, encapsulatedKey: "k", ciphertext: "c")
        _ = try await store.add(
          Self.connection("orders", roles: [DatabaseRole(name: "app", credentials: [sealed])]),
          at: time(1), replace: false)
        #expect(try await expectDue("connection").connections.map(\.name) == ["orders"])
        try await store.addPolicy("orders")
        #expect(try await expectDue("policy").policies.map(\.name) == ["orders"])
        _ = try await store.add(
          Self.connection("elsewhere", segment: "other"), at: time(1), replace: false)
        #expect(try await Self.issue(store) == nil)
        _ = try #require(try await Self.issue(store, "other"))
        #expect(try await store.remove(agent.id, at: time(5)))
        let contents = try await expectDue("agent")
        #expect(contents.connections.flatMap(\.roles).flatMap(\.credentials).isEmpty)
        try await store.removePolicy("orders")
        #expect(try await expectDue("no policy", and: ["other"]).policies.isEmpty)
        _ = try #require(try await Self.issue(store, "other"))
        _ = try await store.removeConnection(named: "orders")
        #expect(try await expectDue("no connection").connections.isEmpty)
        // Time alone makes it due too.
        #expect(try await Self.issue(store, refreshBefore: time(0)) != nil)
        #expect(try await store.currentBundle(segment: "prod")?.envelope == [1, 2, 3])
        let state = try await store.fleetState(
          refreshBefore: time(-1000), removedSince: time(0))
        #expect(state.removedAgents == [agent.id])
        #expect(state.due.isEmpty)
      }
    }

    @Test func sequenceBehindTheBundlesIsCaughtUp() async throws {
      try await withStore { store in
        _ = try await store.add(Self.connection("orders"), at: time(1), replace: false)
        _ = try #require(try await Self.issue(store))
        // As after a restore or a failover that left the sequence out.
        try await store.run(
          """
          INSERT INTO sallyport.bundle
            SELECT segment, 70, changes, envelope, payload_hash, issued_at, expires_at
            FROM sallyport.bundle
          """)
        try await store.addPolicy("orders")
        let issued = try #require(try await Self.issue(store))
        #expect(issued.0.version == 71)
        #expect(issued.1.policies.count == 1)
        #expect(try await store.currentBundle(segment: "prod")?.version == 71)
        let state = try await store.fleetState(
          refreshBefore: time(-1000), removedSince: time(0))
        #expect(state.due.isEmpty)
        #expect(try await Self.issue(store) == nil)
      }
    }

    @Test func changesAndIssuesAtOnceLoseNothing() async throws {
      try await withStore { store in
        _ = try await store.add(Self.connection("orders"), at: time(1), replace: false)
        try await withThrowingTaskGroup(of: Void.self) { group in
          // Twice as many as the pool has connections.
          for number in 0..<16 {
            group.addTask {
              try await store.addPolicy("g\(number)")
              _ = try await Self.issue(store)
            }
          }
          try await group.waitForAll()
        }
        // Whatever was issued last has every change, so nothing is due.
        let state = try await store.fleetState(
          refreshBefore: time(-1000), removedSince: time(0))
        #expect(state.due.isEmpty)
        #expect(
          try await store.number(
            """
            SELECT count(*) FROM sallyport.bundle b
            JOIN sallyport.bundle c ON c.segment = b.segment AND c.version > b.version
            WHERE c.changes <= b.changes
            """) == 0)
      }
    }

    @Test func versionsGoOnAboveWhatAnAgentHasSeen() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        _ = try await Self.issue(store)
        try await store.skipVersions(upTo: 500, segment: "prod")
        #expect(try await Self.issue(store)?.0.version == 501)
        try await store.skipVersions(upTo: 3, segment: "prod")
        #expect(try await Self.issue(store)?.0.version == 502)
      }
    }

    @Test func bootstrapTokenIsWithdrawnUntilItIsSpent() async throws {
      try await withStore { store in
        #expect(try await !store.hasBootstrapToken())
        #expect(try await store.createBootstrapToken(hash: [1], at: time(0)))
        #expect(try await store.hasBootstrapToken())
        try await store.withdrawBootstrapToken(hash: [2])
        #expect(try await store.hasBootstrapToken())
        try await store.withdrawBootstrapToken(hash: [1])
        #expect(try await !store.hasBootstrapToken())
        #expect(try await store.createBootstrapToken(hash: [3], at: time(1)))
        let token = StoredAPIToken(
          id: identifier(1), name: "n", hash: [4], role: .admin, createdAt: time(2))
        #expect(try await store.redeemBootstrapToken(hash: [3], for: token))
        try await store.withdrawBootstrapToken(hash: [3])
        #expect(try await store.hasBootstrapToken())
      }
    }

    @Test func bootstrapTokenIsGoodOnce() async throws {
      try await withStore { store in
        let hash: [UInt8] = [1, 2]
        #expect(try await store.createBootstrapToken(hash: hash, at: time(0)))
        #expect(try await store.createBootstrapToken(hash: [9], at: time(0)) == false)
        func token(_ number: UInt64) -> StoredAPIToken {
          StoredAPIToken(
            id: identifier(number), name: "t", hash: [UInt8(number)], role: .admin,
            createdAt: time(1))
        }
        #expect(try await store.redeemBootstrapToken(hash: [9], for: token(1)) == false)
        let redeemed = try await withThrowingTaskGroup(of: Bool.self) { group in
          for number in UInt64(1)...10 {
            group.addTask {
              try await store.redeemBootstrapToken(hash: hash, for: token(number))
            }
          }
          return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(redeemed == 1)
        #expect(try await store.number("SELECT count(*) FROM sallyport.api_token") == 1)
        try await store.replaceBootstrapToken(hash: [5], at: time(2))
        #expect(try await store.redeemBootstrapToken(hash: [5], for: token(20)))
        #expect(try await store.apiToken(hash: [20])?.id == identifier(20))
        #expect(try await store.apiToken(hash: [99]) == nil)
      }
    }

    @Test func firstSetOfKeysStays() async throws {
      try await withStore { store in
        let made = try await withThrowingTaskGroup(of: Bool.self) { group in
          for number in UInt8(0)..<8 {
            group.addTask {
              try await store.createSecrets([SealedSecret(name: "k", sealed: [number])])
            }
          }
          return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(made == 1)
        #expect(try await store.secrets().count == 1)
      }
    }
  }
}
