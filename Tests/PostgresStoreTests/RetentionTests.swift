import APIModel
import AuditLog
import ControlCore
import Crypto
import Foundation
import GatewayModel
import Synchronization
import Testing

@testable import PostgresStore

extension DatabaseTests {
  /// Days that go, with their export.
  @Suite struct Retentions {
    /// Puts everything that is stored so many days back, as if it had arrived then.
    private static func age(_ store: PostgresStore, days: Int) async throws {
      try await store.run(
        "SELECT sallyport.make_partition((clock_timestamp() AT TIME ZONE 'UTC')::date - \(days))")
      let parts = try await store.transact("testing") { session in
        try session.rows(
          """
          SELECT inhrelid::regclass::text FROM pg_inherits
          WHERE inhparent = 'sallyport.record'::regclass
          """
        ) { row throws(PostgresError) in try row.text() }
      }
      let tables = ["sallyport.record"] + parts
      for table in tables { try await store.run("ALTER TABLE \(table) DISABLE TRIGGER ALL") }
      let day = "(clock_timestamp() AT TIME ZONE 'UTC')::date"
      for table in ["record", "statement"] {
        try await store.run(
          """
          UPDATE sallyport.\(table) SET received_at = received_at - interval '\(days) days'
          WHERE received_at >= (\(day)::timestamp AT TIME ZONE 'UTC')
          """)
      }
      for table in tables {
        try await store.run("ALTER TABLE \(table) ENABLE ALWAYS TRIGGER append_only")
      }
    }

    private static func lines(
      _ plane: ControlPlane, _ day: RetentionDayInfo? = nil
    ) async throws -> [Data] {
      let export = try await plane.evidence.export(
        agents: [], since: day?.since, until: day?.until, by: TestPlane.caller)
      let written = Mutex(Data())
      try await export.write { bytes in written.withLock { $0.append(bytes) } }
      return written.withLock { $0 }.split(separator: 10).map { Data($0) }
    }

    private static func verify(_ lines: [Data]) -> VerificationReport {
      var verifier = ExportVerifier()
      for line in lines { verifier.take(line) }
      return verifier.finish()
    }

    /// What the command line asks for after it has verified the day's export.
    private static func request(_ report: VerificationReport) -> PruneRequest {
      PruneRequest(
        exportFile: "day.jsonl", exportSHA256: String(repeating: "ab", count: 32),
        logs: report.logs.filter { !$0.isOfControlPlane && $0.size > $0.from }.map {
          PruneRequest.Log(
            log: "\($0.log)", from: Int($0.from), next: Int($0.size), root: "\($0.root)")
        })
    }

    /// Exports the oldest day, verifies it and has it removed.
    @discardableResult
    private static func prune(_ plane: ControlPlane) async throws -> PruneInfo {
      let oldest = try #require(try await plane.retention.days(by: TestPlane.caller).first)
      let info = try await plane.retention.day(oldest.day, by: TestPlane.caller)
      let report = verify(try await lines(plane, info))
      #expect(report.findings == [])
      return try await plane.retention.prune(oldest.day, request(report), by: TestPlane.caller)
    }

    private static func refusal(
      _ body: () async throws -> Void
    ) async -> ControlError? {
      do {
        try await body()
        return nil
      } catch { return error as? ControlError }
    }

    /// Records that arrived ten days ago, of two agents and a session that goes on today.
    private static func filled(_ store: PostgresStore) async throws -> [LogWriter] {
      _ = try await store.enrol(agent: 1)
      _ = try await store.enrol(agent: 2)
      var first = LogWriter(agent: 1)
      first.session(1, ["SELECT 1", "SELECT 2"])
      first.open(session: 2, connection: "payroll")
      first.text("SELECT 3")
      first.begin(session: 2, statement: 1, "SELECT 3")
      _ = try await store.ingest(first.batch())
      var second = LogWriter(agent: 2)
      for _ in 0..<300 { second.write(HeartbeatRecord(openSessions: 0, backlogRecords: 0)) }
      _ = try await store.ingest(second.batch())
      try await age(store, days: 10)
      first.end(session: 2, statement: 1)
      first.close(session: 2, statements: 1)
      _ = try await store.ingest(first.batch())
      return [first, second]
    }

    @Test func `a day is exported, verified and removed, and what stays is sound`() async throws {
      try await withStore { store in
        let plane = try await TestPlane.over(store)
        _ = try await plane.retention.set(
          RetentionChange(connection: nil, days: 5), by: TestPlane.caller)
        let logs = try await Self.filled(store)
        let own = try await store.number("SELECT count(*) FROM sallyport.control_entry")
        #expect(own > 0)

        let days = try await plane.retention.days(by: TestPlane.caller)
        #expect(days.count == 2)
        let info = try await plane.retention.day(days[0].day, by: TestPlane.caller)
        #expect(info.reasons == [])
        #expect(info.connections == ["orders", "payroll"])
        #expect(info.records == 311)
        #expect(info.statements == 2)
        // Today stays, and not only for its age.
        let today = try await plane.retention.day(days[1].day, by: TestPlane.caller)
        #expect(!today.mayGo)

        let pruned = try await Self.prune(plane)
        #expect(pruned == PruneInfo(day: days[0].day, records: 311, statements: 2, sessions: 1))
        #expect(try await plane.retention.days(by: TestPlane.caller) == [days[1]])
        #expect(
          try await store.number(
            "SELECT count(*) FROM pg_class WHERE relname = 'record_\(Self.digits(days[0].day))'")
            == 0)
        // The control plane's own records of the day are kept.
        #expect(try await store.number("SELECT count(*) FROM sallyport.kept_record") > 0)

        let report = Self.verify(try await Self.lines(plane))
        #expect(report.findings == [])
        #expect(report.isComplete)
        #expect(
          report.logs.filter { !$0.isOfControlPlane }.map(\.from).sorted()
            == [logs[0].nextSeq - 2, 300])
        // The session that goes on is there with its statement.
        #expect(try await store.number("SELECT count(*) FROM sallyport.session") == 1)
        #expect(try await store.number("SELECT count(*) FROM sallyport.statement") == 1)
        let page = try await plane.audit.statements(StatementFilter(), by: TestPlane.caller)
        #expect(page.items.map(\.sql) == ["SELECT 3"])
        // The tables too, with a statement and a session whose first records are gone.
        #expect(try await store.compared().findings == [])
        // A second run finds nothing.
        let again = await Self.refusal { try await Self.prune(plane) }
        #expect(again?.code == .conflict)
        #expect(again?.message.contains("for 5 days") == true)
        // Nobody can say that more was removed than was.
        try await store.run("ALTER TABLE sallyport.record DISABLE TRIGGER ALL")
        let part = "sallyport.record_\(Self.digits(days[1].day))"
        try await store.run("ALTER TABLE \(part) DISABLE TRIGGER ALL")
        try await store.run(
          "DELETE FROM sallyport.record WHERE seq = \(logs[0].nextSeq - 2) AND kind LIKE 'st%'")
        let findings = Self.verify(try await Self.lines(plane)).findings
        #expect(findings.first?.code == .missing)
      }
    }

    private static func digits(_ day: String) -> String { day.filter { $0 != "-" } }

    @Test func `logs go on after their day was removed`() async throws {
      try await withStore { store in
        let plane = try await TestPlane.over(store)
        _ = try await plane.retention.set(
          RetentionChange(connection: nil, days: 2), by: TestPlane.caller)
        var log = LogWriter(agent: 1)
        _ = try await store.enrol(agent: 1)
        for days in [20, 12, 5] {
          log.session(UInt64(days), ["SELECT \(days)"])
          for _ in 0..<200 { log.write(HeartbeatRecord(openSessions: 0, backlogRecords: 0)) }
          #expect(try await store.ingest(log.batch()) == .stored(nextSeq: log.nextSeq))
          try await Self.age(store, days: days)
        }
        #expect(try await store.compared().findings == [])
        for _ in 0..<3 { #expect(try await Self.prune(plane).records == 205) }
        #expect(Self.verify(try await Self.lines(plane)).findings == [])
        #expect(try await store.compared().findings == [])
        log.session(1, ["SELECT 1"])
        #expect(try await store.ingest(log.batch()) == .stored(nextSeq: log.nextSeq))
        let report = Self.verify(try await Self.lines(plane))
        #expect(report.findings == [])
        #expect(report.logs.first { !$0.isOfControlPlane }?.from == 615)
        // What is gone in order is no gap; the control plane's own records are all there.
        let complete = try await plane.completeness.prepare(
          agents: [], since: nil, until: nil, by: TestPlane.caller
        ).make {}
        #expect(complete.isComplete)
        #expect(complete.logs.first { $0.name == "host1" }?.prunedBefore == 615)
        let own = try #require(complete.logs.first { $0.name == "control plane" })
        #expect(own.records == own.expected && own.first == 0)
        let entries = try await store.entries(ControlLogQuery())
        #expect(entries.count { $0.summary.action == "retention.prune" } == 3)
        #expect(entries.count { $0.summary.action == "retention.run" } == 3)
      }
    }

    @Test func `a hold stops it until it is released`() async throws {
      try await withStore { store in
        let plane = try await TestPlane.over(store)
        _ = try await plane.retention.set(
          RetentionChange(connection: nil, days: 1), by: TestPlane.caller)
        _ = try await Self.filled(store)
        let oldest = try await plane.retention.days(by: TestPlane.caller)[0].day
        let info = try await plane.retention.day(oldest, by: TestPlane.caller)
        let request = Self.request(Self.verify(try await Self.lines(plane, info)))
        _ = try await plane.retention.add(
          LegalHoldDraft(
            name: "case-7", connection: "payroll", since: nil, until: nil, reason: "counsel"),
          by: TestPlane.caller)
        let refusal = await Self.refusal {
          _ = try await plane.retention.prune(oldest, request, by: TestPlane.caller)
        }
        #expect(refusal?.code == .conflict)
        #expect(refusal?.message.contains("case-7") == true)
        #expect(try await store.number("SELECT count(*) FROM sallyport.pruned_log") == 0)
        let twice = await Self.refusal {
          _ = try await plane.retention.add(
            LegalHoldDraft(
              name: "case-7", connection: nil, since: nil, until: nil, reason: "again"),
            by: TestPlane.caller)
        }
        #expect(twice?.code == .conflict)
        _ = try await plane.retention.release(
          hold: "case-7", ReleaseRequest(reason: "settled"), by: TestPlane.caller)
        #expect(
          try await plane.retention.prune(oldest, request, by: TestPlane.caller).records == 311)
      }
    }

    @Test func `what was not exported as it is stored stays`() async throws {
      try await withStore { store in
        let plane = try await TestPlane.over(store)
        _ = try await plane.retention.set(
          RetentionChange(connection: nil, days: 1), by: TestPlane.caller)
        _ = try await Self.filled(store)
        let days = try await plane.retention.days(by: TestPlane.caller).map(\.day)
        let info = try await plane.retention.day(days[0], by: TestPlane.caller)
        let good = Self.request(Self.verify(try await Self.lines(plane, info)))
        var changes: [PruneRequest] = []
        for change in 0..<5 {
          var request = good
          switch change {
          case 0: request.logs.removeLast()
          case 1: request.logs[0].next -= 1
          case 2: request.logs[0].from += 1
          case 3: request.logs[0].root = request.logs[1].root
          default: request.logs[1] = request.logs[0]
          }
          changes.append(request)
        }
        for request in changes {
          let refusal = await Self.refusal {
            _ = try await plane.retention.prune(days[0], request, by: TestPlane.caller)
          }
          #expect(refusal?.code == .conflict)
          #expect(refusal?.message.contains("its export") == true)
        }
        // Not the oldest, and no day of the trail.
        for (day, code) in [(days[1], ControlError.Code.conflict), ("1999-01-01", .notFound)] {
          let refusal = await Self.refusal {
            _ = try await plane.retention.prune(day, good, by: TestPlane.caller)
          }
          #expect(refusal?.code == code)
        }
        #expect(
          try await store.number(
            "SELECT count(*) FROM sallyport.control_entry WHERE action LIKE 'retention.%n%e'")
            == 0)
        // A record that is missing is named, and nothing goes.
        for table in ["record", "record_\(Self.digits(days[0]))"] {
          try await store.run("ALTER TABLE sallyport.\(table) DISABLE TRIGGER ALL")
        }
        try await store.run(
          "DELETE FROM sallyport.record WHERE seq = 100 AND agent = '\(identifier(2))'")
        let refusal = await Self.refusal {
          _ = try await plane.retention.prune(days[0], good, by: TestPlane.caller)
        }
        #expect(refusal?.message.contains("299 records of the log") == true)
      }
    }

    @Test func `the database drops no day that the log does not say`() async throws {
      try await withStore { store in
        _ = try await TestPlane.over(store)
        _ = try await Self.filled(store)
        let day = try #require(try await store.storedDays().first)
        for sql in [
          "SELECT sallyport.drop_day('\(day)')", "SELECT sallyport.drop_day(current_date)",
        ] {
          let refusal = await Self.refusal { try await store.run(sql) }
          #expect(refusal?.message.contains("is refused") == true, "\(String(describing: refusal))")
        }
      }
    }

    @Test func `only what is known gets a rule`() async throws {
      try await withStore { store in
        let plane = try await TestPlane.over(store)
        let refusal = await Self.refusal {
          _ = try await plane.retention.set(
            RetentionChange(connection: "orders", days: 1), by: TestPlane.caller)
        }
        #expect(refusal?.code == .notFound)
        _ = try await Self.filled(store)
        let own = RetentionChange(connection: "orders", days: 9)
        #expect(
          try await plane.retention.set(own, by: TestPlane.caller).connections
            == [ConnectionRetention(connection: "orders", days: 9)])
        let forever = RetentionChange(connection: "orders", days: nil)
        #expect(
          try await plane.retention.set(forever, by: TestPlane.caller).connections
            == [ConnectionRetention(connection: "orders", days: nil)])
        let none = RetentionChange(connection: "orders", days: nil, followsFleet: true)
        #expect(try await plane.retention.set(none, by: TestPlane.caller).connections == [])
      }
    }
  }
}
