import AuditLog
import ControlCore
import Dispatch
import Foundation
import GatewayModel
import TestSupport
import Testing

@testable import PostgresStore

extension DatabaseTests {
  @Suite struct Partitions {
    /// A database as version 6 of the schema has left it, with records of three days.
    private static func earlier(
      _ logs: [ShippedBatch], at url: String
    ) async throws {
      let pool = PostgresPool(address: try DatabaseAddress(url: url), maximumConnections: 1)
      let store = PostgresStore(pool: pool, logger: quiet)
      try await store.migrate(Array(Migration.all.prefix(6)))
      // As that version did: it knew fewer columns.
      let agent = PostgresStore.agent(
        1,
        StoredInvitation(
          secretHash: [], segment: "prod", clientAddress: "gw:5432", names: ["gw"],
          createdAt: time(0), expiresAt: time(900)))
      try await store.transact("testing") { session in
        try session.execute("INSERT INTO sallyport.segment (name) VALUES ('prod')")
        try session.execute(
          """
          INSERT INTO sallyport.agent
            (id, segment, hostname, client_address, names, version, audit_key, sealing_key,
             certificate_fingerprint, certificate_expires_at, enrolled_at)
          VALUES ($1, 'prod', 'h', 'gw:5432', '{gw}', '1', $2, $2, '', $3, $3)
          """, [.identifier(agent.id.value), .bytes(agent.auditKey), .time(time(1))])
      }
      for batch in logs {
        try await store.transact("testing") { session in
          try session.execute(
            """
            INSERT INTO sallyport.log_cursor VALUES ($1, $2, $3, $4, 'checkpoint', $5)
            """,
            PostgresStore.key(batch.log) + [
              .number(UInt64(batch.records.count)), .time(time(200_000)),
            ])
          for (index, bytes) in batch.records.enumerated() {
            let decoded = try RecordDecoder.decode(bytes)
            let values: [SQLValue] =
              PostgresStore.key(batch.log) + [
                .integer(Int64(index)), .time(time(Int64(index) * 10_000)),
                .time(decoded.header.time), .text(decoded.kind.rawValue), .bytes(Array(bytes)),
              ]
            try session.execute(
              """
              INSERT INTO sallyport.record (agent, epoch, lane, seq, received_at, at, kind, bytes)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
              """, values)
            try session.execute(
              """
              INSERT INTO sallyport.statement
                (agent, epoch, lane, seq, position, ordinal, received_at, kind, at, outcome)
              VALUES ($1, $2, $3, $4, $4 + 2, 0, $5, 'statement', $6, 'completed')
              """, Array(values.prefix(6)))
          }
        }
      }
      await store.close()
    }

    @Test func filledDatabaseIsMoved() async throws {
      let url = try await ClusterTrait.newDatabase()
      var log = LogWriter(agent: 1)
      for number in 0..<20 {
        log.write(HeartbeatRecord(openSessions: UInt64(number), backlogRecords: 0))
      }
      let before = log.batch()
      try await Self.earlier([before], at: url)
      try await withStore(at: url) { store in
        let stored = try await store.transact("testing") { session in
          try session.rows("SELECT bytes FROM sallyport.record ORDER BY seq") {
            row throws(PostgresError) in Data(try row.bytes())
          }
        }
        #expect(stored == before.records)
        #expect(try await store.number("SELECT count(*) FROM sallyport.statement") == 20)
        // 1,800,000,000 is 08:00 on January 15, 2027.
        for (day, count) in [("20270115", 6), ("20270116", 9), ("20270117", 5)] {
          for family in ["record", "statement"] {
            #expect(
              try await store.number("SELECT count(*) FROM ONLY sallyport.\(family)_\(day)")
                == count, "\(family)_\(day)")
          }
        }
        #expect(
          try await store.number(
            """
            SELECT count(*) FROM sallyport.log_cursor
            WHERE frontier IS NULL AND last_at - began_at = interval '19 s'
            """) == 1)
        log.write(HeartbeatRecord(openSessions: 0, backlogRecords: 0))
        #expect(try await store.ingest(log.batch()) == .stored(nextSeq: 21))
        #expect(try await store.root(log.log, size: 20) != MerkleTree.emptyRoot)
        #expect(try await store.number("SELECT size FROM sallyport.logs") == 21)
        #expect(try await store.statements(StatementQuery()).items.count == 20)
      }
    }

    @Test func partitionsAreThereForAWeek() async throws {
      try await withStore { store in
        func partitions(_ family: String) async throws -> Int {
          try await store.number(
            """
            SELECT count(*) FROM pg_inherits
            WHERE inhparent = 'sallyport.\(family)'::regclass
              AND inhrelid::regclass::text >= 'sallyport.\(family)_'
                || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')
            """)
        }
        #expect(try await partitions("record") == 8)
        #expect(try await partitions("statement") == 8)
        try await store.makePartitions()
        #expect(try await partitions("record") == 8)
        // Several replicas make the same ones.
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<4 {
            group.addTask { try await store.run("SELECT sallyport.make_partitions(20)") }
          }
          try await group.waitForAll()
        }
        #expect(try await partitions("record") == 21)
      }
    }

    @Test func maintenanceMakesWhatIsMissing() async throws {
      try await withStore { store in
        let last = "to_char((now() AT TIME ZONE 'UTC')::date + 7, 'YYYYMMDD')"
        try await store.run(
          """
          DO $$ BEGIN EXECUTE 'DROP TABLE sallyport.record_' || \(last); END $$
          """)
        let missing = "SELECT count(to_regclass('sallyport.record_' || \(last)))"
        #expect(try await store.number(missing) == 0)
        let task = Task { await store.maintain(every: .seconds(60)) }
        try await eventually("the partition is made") { try await store.number(missing) == 1 }
        task.cancel()
        await task.value
      }
    }

    @Test func withoutTodaysPartitionNothingIsStored() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        let today = "to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')"
        func change(_ verb: String, _ bounds: String) async throws {
          try await store.run(
            """
            DO $$
              DECLARE day date := (now() AT TIME ZONE 'UTC')::date;
              BEGIN
                EXECUTE format('ALTER TABLE sallyport.record \(verb) sallyport.%I \(bounds)',
                  'record_' || \(today), day || ' 00:00+00', day + 1 || ' 00:00+00');
              END
            $$
            """)
        }
        try await change("DETACH PARTITION", "")
        var log = LogWriter(agent: 1)
        log.session(10, ["SELECT 1"])
        let batch = log.batch()
        let error = await #expect(throws: ControlError.self) { _ = try await store.ingest(batch) }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("no partition") == true)
        #expect(error?.remedy?.contains("sallyport-control migrate") == true)
        #expect(try await store.number("SELECT count(*) FROM sallyport.merkle_tile") == 0)
        try await change("ATTACH PARTITION", "FOR VALUES FROM (%L) TO (%L)")
        #expect(try await store.ingest(batch) == .stored(nextSeq: 5))
      }
    }

    @Test(arguments: ["UPDATE %@ SET kind = 'x'", "DELETE FROM %@", "TRUNCATE %@"])
    func partitionsCannotBeChangedEither(sql: String) async throws {
      try await withStore { store in
        let name = try await store.transact("testing") { session in
          try session.row(
            "SELECT min(inhrelid::regclass::text) FROM pg_inherits i JOIN pg_class c "
              + "ON c.oid = i.inhrelid WHERE inhparent = 'sallyport.record'::regclass"
          ) {
            row throws(PostgresError) in try row.text()
          }
        }
        let error = await #expect(throws: ControlError.self) {
          try await store.run(sql.replacingOccurrences(of: "%@", with: name ?? ""))
        }
        #expect(error?.message.contains("append-only") == true)
      }
    }
  }
}

extension DatabaseTests {
  @Suite struct Roles {
    /// A user of the cluster that may log in and is a member of one role.
    private static func user(_ role: String, _ store: PostgresStore) async throws -> String {
      let name = "\(role)_\(UInt32.random(in: 0 ... .max))"
      try await store.run("CREATE ROLE \(name) LOGIN PASSWORD 'secret' IN ROLE \(role)")
      return name
    }

    private static func url(_ user: String, _ url: String) throws -> String {
      var parts = try #require(URLComponents(string: url))
      (parts.user, parts.password) = (user, "secret")
      return try #require(parts.string)
    }

    private static func refusal(
      _ store: PostgresStore, _ sql: String
    ) async -> String? {
      do {
        try await store.run(sql)
        return nil
      } catch {
        return "\(error)"
      }
    }

    @Test func everythingIsOwnedByWhoCannotLogIn() async throws {
      try await withStore { store in
        let others = try await store.number(
          """
          SELECT count(*) FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
          WHERE c.relnamespace = 'sallyport'::regnamespace AND c.relkind IN ('r', 'p', 'v')
            AND (o.rolname <> 'sallyport_owner' OR o.rolcanlogin)
          """)
        #expect(others == 0)
        let script = try await store.secureRoles()
        #expect(script == nil)
      }
    }

    @Test func writerAddsRecordsAndChangesNone() async throws {
      let url = try await ClusterTrait.newDatabase()
      try await withStore(at: url) { owner in
        let user = try await Self.user("sallyport_writer", owner)
        let writerURL = try Self.url(user, url)
        try await withStore(at: writerURL) { store in
          _ = try await store.enrol(agent: 1)
          var log = LogWriter(agent: 1)
          log.session(10, ["SELECT 1", "DELETE FROM orders"])
          #expect(try await store.ingest(log.batch()) == .stored(nextSeq: 8))
          log.session(11, ["SELECT 1"])
          #expect(try await store.ingest(log.batch()) == .stored(nextSeq: 13))
          #expect(try await store.statements(StatementQuery()).items.count == 3)
          for sql in [
            "UPDATE sallyport.record SET kind = 'x'", "DELETE FROM sallyport.record",
            "TRUNCATE sallyport.record", "DROP TABLE sallyport.record",
            "ALTER TABLE sallyport.record DISABLE TRIGGER ALL",
            "DELETE FROM sallyport.equivocation", "DELETE FROM sallyport.merkle_tile",
            "SET session_replication_role = replica",
          ] {
            let refusal = await Self.refusal(store, sql)
            // By what the role may, before a trigger is asked.
            #expect(
              refusal?.contains("permission denied") == true
                || refusal?.contains("must be owner") == true, "\(sql): \(refusal ?? "done")")
          }
        }
      }
    }

    @Test func readerSeesTheViewsAlone() async throws {
      let url = try await ClusterTrait.newDatabase()
      try await withStore(at: url) { owner in
        _ = try await owner.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.session(10, ["SELECT 1"])
        _ = try await owner.ingest(log.batch())
        let user = try await Self.user("sallyport_reader", owner)
        // Not a store: a reader has no schema to prepare.
        let pool = PostgresPool(
          address: try DatabaseAddress(url: try Self.url(user, url)), maximumConnections: 1)
        let store = PostgresStore(pool: pool, logger: quiet)
        for view in ["sessions", "statements", "logs"] {
          #expect(try await store.number("SELECT count(*) FROM sallyport.\(view)") == 1)
        }
        for table in ["sealed_secret", "record", "api_token", "session"] {
          let refusal = await Self.refusal(store, "SELECT FROM sallyport.\(table)")
          #expect(refusal?.contains("permission denied") == true)
        }
        #expect(
          await Self.refusal(store, "DELETE FROM sallyport.sessions")?.contains("denied") == true)
        await store.close()
      }
    }

    @Test func whoMayNotMakeRolesIsToldWhatToRun() async throws {
      let url = try await ClusterTrait.newDatabase()
      let plain = "plain_\(UInt32.random(in: 0 ... .max))"
      let pool = PostgresPool(address: try DatabaseAddress(url: url), maximumConnections: 1)
      let superuser = PostgresStore(pool: pool, logger: quiet)
      try await superuser.run("CREATE ROLE \(plain) LOGIN PASSWORD 'secret'")
      try await superuser.run("CREATE SCHEMA sallyport AUTHORIZATION \(plain)")
      try await withStore(at: try Self.url(plain, url)) { store in
        let script = try #require(try await store.secureRoles())
        _ = try await store.enrol(agent: 1)
        try await superuser.transact("testing") { session in try session.script(script) }
        #expect(try await store.secureRoles() == nil)
      }
      await superuser.close()
    }
  }

  @Suite struct BackupHorizons {
    @Test func agentsAreToldWhatNoBackupHas() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.session(10, ["SELECT 1"])
        #expect(try await store.ingest(log.batch()) == .stored(nextSeq: 5, keepFrom: 0))
        try await Task.sleep(for: .milliseconds(5))
        let began = WallTime(unixNanoseconds: Int64(Date().timeIntervalSince1970 * 1e9))
        try await Task.sleep(for: .milliseconds(5))
        log.session(11, ["SELECT 1"])
        let second = log.batch()
        #expect(try await store.ingest(second) == .stored(nextSeq: 10, keepFrom: 0))
        #expect(try await store.setBackupHorizon(began) == 1)
        #expect(
          try await store.ingest(second)
            == .wrongCursor(nextSeq: 10, checkpoint: second.checkpoint, keepFrom: 5))
        log.session(12, ["SELECT 1"])
        #expect(try await store.ingest(log.batch()) == .stored(nextSeq: 15, keepFrom: 5))
        // A log that begins later is behind the backup with all of it.
        var lane = LogWriter(agent: 1, lane: 1)
        lane.session(13, ["SELECT 1"])
        #expect(try await store.ingest(lane.batch()) == .stored(nextSeq: 5, keepFrom: 1))
        // Everything is in the next backup.
        try await Task.sleep(for: .milliseconds(5))
        let later = WallTime(unixNanoseconds: Int64(Date().timeIntervalSince1970 * 1e9))
        #expect(try await store.setBackupHorizon(later) == 2)
        lane.session(14, ["SELECT 1"])
        #expect(try await store.ingest(lane.batch()) == .stored(nextSeq: 10, keepFrom: 5))
      }
    }

    @Test func oneLogThatIsHeldKeepsNoOtherBack() async throws {
      let url = try await ClusterTrait.newDatabase()
      try await withStore(at: url) { store in
        var logs = [
          LogWriter(agent: 1), LogWriter(agent: 1, lane: 1), LogWriter(agent: 1, lane: 2),
        ]
        _ = try await store.enrol(agent: 1)
        for index in logs.indices {
          logs[index].session(UInt64(index), ["SELECT 1"])
          _ = try await store.ingest(logs[index].batch())
        }
        let horizon = WallTime(unixNanoseconds: Int64(Date().timeIntervalSince1970 * 1e9))
        let isHeld = AsyncStream.makeStream(of: Void.self)
        let mayEnd = DispatchSemaphore(value: 0)
        let middle = logs[1].log
        async let holding: Void = store.transact("testing") { session in
          _ = try PostgresStore.lockCursor(middle, session)
          isHeld.continuation.yield()
          mayEnd.wait()
        }
        for await _ in isHeld.stream { break }
        async let setting = store.setBackupHorizon(horizon)
        // The log before the held one has its horizon, and takes records, while the held one waits.
        try await eventually("the first log's horizon") {
          try await store.number(
            "SELECT count(*) FROM sallyport.log_cursor WHERE horizon_seq = 5") == 1
        }
        logs[0].session(10, ["SELECT 1"])
        #expect(try await store.ingest(logs[0].batch()) == .stored(nextSeq: 10, keepFrom: 5))
        logs[2].session(12, ["SELECT 1"])
        #expect(try await store.ingest(logs[2].batch()) == .stored(nextSeq: 10, keepFrom: 0))
        mayEnd.signal()
        try await holding
        #expect(try await setting == 3)
        // What arrived behind the time is behind the horizon, however late the log had its turn.
        #expect(
          try await store.number(
            "SELECT count(*) FROM sallyport.log_cursor WHERE horizon_seq = 5") == 3)
      }
    }

    @Test func whoSetItStandsInTheControlPlanesOwnLog() async throws {
      try await withStore { store in
        let plane = try await TestPlane.over(store)
        _ = try await plane.backups.setHorizon(
          WallTime(unixNanoseconds: 1_700_000_000_000_000_000), by: "dba", on: "control-1")
        let act = try #require(try await store.entries(ControlLogQuery()).first?.summary)
        #expect(act.action == "backup_horizon.set")
        #expect(act.caller.name == "dba" && act.caller.role == "operator")
        await #expect(throws: ControlError.self) {
          _ = try await plane.backups.setHorizon(time(1_000_000_000), by: "dba", on: "control-1")
        }
        #expect(try await store.entries(ControlLogQuery()).count { $0.summary == act } == 1)
      }
    }

    @Test func horizonThatHasNotComeIsRefused() async throws {
      try await withStore { store in
        let error = await #expect(throws: ControlError.self) {
          _ = try await store.setBackupHorizon(time(1_000_000_000))
        }
        #expect(error?.code == .invalid)
      }
    }
  }
}
