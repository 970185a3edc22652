import ControlCore
import GatewayModel
import Testing

@testable import PostgresStore

extension DatabaseTests {
  @Suite struct Migrations {
    @Test func migratingTwiceChangesNothing() async throws {
      let url = try await ClusterTrait.newDatabase()
      for _ in 0..<2 {
        try await withStore(at: url) { store in
          let steps = try await store.number("SELECT count(*) FROM sallyport.migration")
          #expect(steps == Migration.all.count)
        }
      }
    }

    @Test func severalReplicasMigrateAtOnce() async throws {
      let url = try await ClusterTrait.newDatabase()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask { try await withStore(at: url, connections: 2) { _ in } }
        }
        try await group.waitForAll()
      }
    }

    @Test func databaseFromTheFutureIsRefused() async throws {
      let url = try await ClusterTrait.newDatabase()
      try await withStore(at: url) { store in
        try await store.run(
          "INSERT INTO sallyport.migration (number, name, checksum) VALUES (99, 'later', 'x')")
      }
      let error = await #expect(throws: ControlError.self) { try await withStore(at: url) { _ in } }
      #expect(error?.code == .invalid)
      #expect(error?.message.contains("from the future") == true)
      #expect(error?.message.contains("99") == true)
    }

    @Test func changedStepIsRefused() async throws {
      let url = try await ClusterTrait.newDatabase()
      try await withStore(at: url) { store in
        try await store.run("UPDATE sallyport.migration SET checksum = 'x' WHERE number = 1")
      }
      let error = await #expect(throws: ControlError.self) { try await withStore(at: url) { _ in } }
      #expect(error?.message.contains("Step 1") == true)
    }

    @Test func failingStepLeavesNothing() async throws {
      try await withStore { store in
        let broken = Migration(
          number: Migration.all.count + 1, name: "broken",
          sql: "CREATE TABLE sallyport.half (); SELECT 1/0")
        await #expect(throws: ControlError.self) {
          try await store.migrate(Migration.all + [broken])
        }
        let left = try await store.number(
          "SELECT count(*) FROM pg_class WHERE relname = 'half'")
        #expect(left == 0)
        let newest = try await store.number("SELECT max(number) FROM sallyport.migration")
        #expect(newest == Migration.all.count)
      }
    }

    @Test func sessionsFromBeforeTheirKeyHadTheAgentAreKept() async throws {
      let url = try await ClusterTrait.newDatabase()
      let pool = PostgresPool(address: try DatabaseAddress(url: url), maximumConnections: 1)
      let earlier = PostgresStore(pool: pool, logger: quiet)
      try await earlier.migrate([.controlPlane, .auditTrail])
      try await earlier.run(
        """
        INSERT INTO sallyport.session
          (id, agent, epoch, lane, seq, opened_at, principal, principal_kind, issuer, groups,
           actors, token_id, connection, database, database_role, segment, client_address,
           client_tls, server_address, server_tls, application_name, access_grant, bundle_version)
        VALUES ('\(identifier(10))', '\(identifier(1))', 1, 0, 0, now(), 'alice', 'user', '', '{}',
          '[]', '', 'orders', '', '', '', '', '', '', '', '', '', 1)
        """)
      await earlier.close()
      try await withStore(at: url) { store in
        #expect(try await store.sessions(SessionQuery()).items.map(\.principal) == ["alice"])
        _ = try await store.enrol(agent: 2)
        var log = LogWriter(agent: 2)
        log.open(session: 10)
        _ = try await store.ingest(log.batch())
        #expect(try await store.sessions(SessionQuery()).items.count == 2)
      }
    }

    @Test func stepsAreNumberedWithoutGaps() {
      #expect(Migration.all.map(\.number) == Array(1...Migration.all.count))
    }

    @Test func encodingOtherThanUTF8IsRefused() async throws {
      let url = try await ClusterTrait.newDatabase(encoding: "LATIN1")
      let error = await #expect(throws: ControlError.self) { try await withStore(at: url) { _ in } }
      #expect(error?.message.contains("LATIN1") == true)
    }
  }
}
