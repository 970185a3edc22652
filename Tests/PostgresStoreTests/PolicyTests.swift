import APIModel
import AuditLog
import ControlCore
import Dispatch
import Foundation
import GatewayModel
import Synchronization
import TestSupport
import Testing

@testable import PostgresStore

extension DatabaseTests {
  @Suite struct Policies {
    @Test func `versions are kept whole`() async throws {
      try await withStore { store in
        #expect(try await store.currentPolicy() == nil)
        #expect(try await store.policy(version: 0) == nil)
        #expect(try await store.policyVersions(before: nil, limit: 5).isEmpty)
        #expect(try await store.counts().grants == 0)
        let first = try #require(try await store.addPolicy("b", comment: "why"))
        try await store.addPolicy("a", at: time(5))
        try await store.removePolicy("b")
        var stored = try #require(try await store.policy(version: 1))
        // jsonb has its own spaces.
        #expect(stored.documents.map(\.name) == ["b"])
        stored.documents[0].json = first.documents[0].json
        #expect(stored == first)
        #expect(try await store.policy(version: 2)?.documents.map(\.name) == ["b", "a"])
        #expect(try await store.currentPolicy()?.head.number == 3)
        #expect(try await store.currentPolicy()?.documents.map(\.createdAt) == [time(5)])
        #expect(
          try await store.policyVersions(before: 3, limit: 5).map(\.number) == [2, 1])
        #expect(try await store.policyVersions(before: nil, limit: 1).map(\.documents) == [1])
        #expect(try await store.removePolicy("none") == nil)
        #expect(try await store.counts().grants == 1)
      }
    }

    @Test func `changes at once give versions without gaps`() async throws {
      let url = try await ClusterTrait.newDatabase()
      try await withStore(at: url) { store in
        try await withStore(at: url) { other in
          for segment in ["c", "a", "b"] { try await store.noteSegment(segment) }
          try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<24 {
              group.addTask {
                try await (number.isMultiple(of: 2) ? store : other).addPolicy("p\(number)")
              }
            }
            try await group.waitForAll()
          }
          let versions = try await store.policyVersions(before: nil, limit: 100)
          #expect(versions.map(\.number) == (1...24).reversed())
          #expect(versions.map(\.documents) == (1...24).reversed())
          #expect(
            try await store.number("SELECT min(changes) FROM sallyport.segment") == 24)
        }
      }
    }

    @Test func `a bundle waits for the change of the policies that is under way`() async throws {
      try await withStore { store in
        try await store.addPolicy("old")
        try await store.noteSegment("late")
        let isUnderWay = Atomic(false)
        let goOn = DispatchSemaphore(value: 0)
        async let changed = store.changePolicy { base in
          isUnderWay.store(true, ordering: .relaxed)
          goOn.wait()
          return base.next(
            (base.current?.documents ?? []) + [.grant("new", at: time(5))], at: time(5))
        }
        let names = Mutex<[String]>([])
        let waits: Void? = try? await eventually("the change") {
          isUnderWay.load(ordering: .relaxed)
        }
        async let issued = store.issue(
          segment: "late", refreshBefore: time(0), at: time(6)
        ) { contents, version in
          names.withLock { $0 = contents.policies.map(\.name) }
          return IssuedBundle(
            segment: "late", version: version, envelope: [1], payloadHash: [2], issuedAt: time(6),
            expiresAt: time(60), rootVersion: 1)
        }
        let waiting: Void? = try? await eventually("the wait", within: .seconds(10)) {
          try await store.number(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
            """) == 1
        }
        goOn.signal()
        #expect(waits != nil && waiting != nil)
        _ = try await (changed, issued)
        #expect(names.withLock { $0 } == ["old", "new"])
      }
    }

    @Test func `who writes cannot change the history`() async throws {
      try await withStore { store in
        func rights(_ privileges: String) async throws -> Int {
          try await store.number(
            """
            SELECT count(*) FROM unnest(ARRAY['policy_version', 'policy_document']) t,
              unnest(ARRAY[\(privileges)]) p
            WHERE has_table_privilege('sallyport_writer', 'sallyport.' || t, p)
            """)
        }
        #expect(try await rights("'UPDATE', 'DELETE'") == 0)
        #expect(try await rights("'SELECT', 'INSERT'") == 4)
        // As a database has it whose roles an earlier version has made.
        try await store.run(
          """
          GRANT UPDATE, DELETE ON sallyport.policy_version, sallyport.policy_document
          TO sallyport_writer
          """)
        #expect(try await rights("'UPDATE', 'DELETE'") == 4)
        #expect(try await store.secureRoles() == nil)
        #expect(try await rights("'UPDATE', 'DELETE'") == 0)
        #expect(try await store.addPolicy("p") != nil)
      }
    }

    @Test func `grants become the documents of version 1`() async throws {
      let url = try await ClusterTrait.newDatabase()
      let pool = PostgresPool(address: try DatabaseAddress(url: url), maximumConnections: 1)
      let earlier = PostgresStore(pool: pool, logger: quiet)
      try await earlier.migrate(Array(Migration.all.prefix { $0.name != "policies" }))
      let long = String(repeating: "n", count: 63)
      try await earlier.run(
        """
        INSERT INTO sallyport.segment (name, changes) VALUES ('prod', 5);
        """)
      try await earlier.run(
        """
        INSERT INTO sallyport.connection
          (id, name, segment, host, port, database, tls, labels, created_at)
        VALUES ('\(identifier(8))', 'orders', 'prod', 'db', 5432, 'd', 'require', '{}', now())
        """)
      try await earlier.run(
        "INSERT INTO sallyport.database_role VALUES ('\(identifier(8))', 'app', 0)")
      try await earlier.run(
        """
        INSERT INTO sallyport.access_grant
          (name, principal, group_name, connection, role, created_at)
        VALUES ('zoe', 'zoe "Z" \\ o''neil', NULL, '\(identifier(8))', 'app', '\(Self.since)'),
          ('\(long)', NULL, 'Grüppe: #1', '\(identifier(8))', 'app', '\(Self.since)'),
          ('anybody', '*', NULL, '\(identifier(8))', 'app', now())
        """)
      let lines = LogLines()
      try await PostgresStore(pool: pool, logger: lines.logger).migrate(Migration.all)
      // Nothing is lost without a word.
      #expect(
        lines.all.filter { $0.level >= .warning }.map { $0.metadata["warning"] ?? "" }
          == ["the grant anybody has a star in its principal or group and is left out"])
      await earlier.close()
      try await withStore(at: url) { store in
        let plane = try await TestPlane.over(store)
        let grants = try await plane.grants.list(by: TestPlane.caller)
        // One that would have let in everybody is left out.
        #expect(grants.map(\.name) == ["zoe", long])
        #expect(grants.map(\.principal) == ["zoe \"Z\" \\ o'neil", nil])
        #expect(grants.map(\.group) == [nil, "Grüppe: #1"])
        #expect(grants.allSatisfy { $0.effects == ["all"] && $0.connection == "orders" })
        #expect(grants.allSatisfy { $0.createdAt.hasPrefix("2026-01-02T03:04:05") })
        #expect(grants.allSatisfy { $0.policy.utf8.count <= 63 })
        let content = try await plane.policies.show(by: TestPlane.caller)
        #expect(content.version?.version == 1)
        // JSON is YAML: what there is can be applied again, and is the same.
        let again = try await plane.policies.apply(
          PolicyApplication(
            documents: content.documents.map { PolicyFile(path: $0.name, text: $0.text) }),
          by: TestPlane.caller)
        #expect(again.version == 1 && !again.isNew)
        let back = try await plane.policies.rollBack(
          PolicyRollback(version: 1), by: TestPlane.caller)
        #expect(!back.isNew)
        let text = content.documents.map(\.text).joined(separator: "---\n")
        let digest = StatementDigest(of: Array(text.utf8)).bytes
        #expect(content.version?.digest == PostgresStore.hexadecimal(digest))
        #expect(try await store.number("SELECT changes FROM sallyport.segment") == 6)
        #expect(
          try await store.number(
            "SELECT count(*) FROM pg_class WHERE relname = 'access_grant'") == 0)
        try await plane.grants.remove(long, by: TestPlane.caller)
        #expect(try await plane.grants.list(by: TestPlane.caller).map(\.name) == ["zoe"])
      }
    }

    private static let since = "2026-01-02T03:04:05Z"

    @Test func `statements have what policy decided and observed`() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.open(session: 10)
        var begin = StatementBeginRecord(
          statement: StatementID(1), digest: StatementDigest(of: Array("select 1".utf8)),
          wireProtocol: .simple, transactionStatus: "I", rule: "readers", bundleVersion: 7)
        begin.policy = "orders"
        begin.observed = [ObservedDecision(policy: "trial", rule: "no-reads", verdict: "deny")]
        log.text("select 1")
        log.write(begin, session: 10)
        log.end(session: 10, statement: 1)
        var refusal = RefusalRecord(
          reason: "policy", message: "Migrations only.", statement: StatementID(2),
          digest: StatementDigest(of: Array("drop table x".utf8)))
        refusal.policy = "orders"
        refusal.rule = "no-ddl"
        refusal.bundleVersion = 8
        refusal.bundleHash = [0xAB, 0xCD]
        log.text("drop table x")
        log.write(refusal, session: 10)
        _ = try await store.ingest(log.batch())
        var query = StatementQuery()
        let all = try await store.statements(query).items
        #expect(all.map(\.rule) == ["no-ddl", "readers"])
        #expect(all.map(\.policy) == ["orders", "orders"])
        #expect(all.map(\.bundleVersion) == [8, 7])
        #expect(all.map(\.bundleHash) == ["abcd", nil])
        #expect(
          all.map(\.observed) == [
            nil, [ObservedInfo(policy: "trial", rule: "no-reads", verdict: "deny")],
          ])
        query.rules = ["no-ddl"]
        query.policies = ["orders", "other"]
        #expect(try await store.statements(query).items.map(\.rule) == ["no-ddl"])
        query = StatementQuery()
        query.policies = ["other"]
        #expect(try await store.statements(query).items.isEmpty)
        query = StatementQuery()
        query.observedOnly = true
        #expect(try await store.statements(query).items.map(\.rule) == ["readers"])
        #expect(
          try await store.number(
            "SELECT count(*) FROM sallyport.statements WHERE bundle_hash = 'abcd'") == 1)
      }
    }
  }
}
