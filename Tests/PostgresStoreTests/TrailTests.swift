import APIModel
import AuditLog
import ControlCore
import Foundation
import GatewayModel
import TestSupport
import Testing

@testable import PostgresStore

extension DatabaseTests {
  @Suite struct Trail {
    private static func filled(_ store: PostgresStore) async throws {
      for agent in UInt64(1)...2 { _ = try await store.enrol(agent: agent) }
      var first = LogWriter(agent: 1)
      first.session(10, ["SELECT * FROM orders WHERE id = 1", "DELETE FROM Orders"])
      first.session(
        11, principal: "bob@example.com", connection: "billing", ["SELECT 100%_of"])
      _ = try await store.ingest(first.batch())
      var second = LogWriter(agent: 2, lane: 3, startingAt: 1000)
      second.open(session: 20)
      second.begin(session: 20, statement: 1, "SELECT broken")
      second.end(session: 20, statement: 1, .failed)
      second.write(
        RefusalRecord(
          reason: "no_grant", detail: "no grant for carol", sqlstate: "28000",
          message: "login refused", subject: "carol@example.com", connection: "orders",
          clientAddress: "10.1.1.1:1", groups: ["sales"], principalKind: .user))
      _ = try await store.ingest(second.batch())
    }

    private static func found(
      _ store: PostgresStore, _ change: (inout StatementQuery) -> Void
    ) async throws -> [StatementInfo] {
      var query = StatementQuery()
      change(&query)
      return try await store.statements(query).items
    }

    @Test func rowsHaveWhoWhereWhatAndHow() async throws {
      try await withStore { store in
        try await Self.filled(store)
        let rows = try await store.statements(StatementQuery()).items
        #expect(rows.count == 5)
        let deletion = try #require(rows.first { $0.sql == "DELETE FROM Orders" })
        #expect(deletion.principal == "alice@example.com")
        #expect(deletion.groups == ["analysts", "dba"])
        #expect(deletion.actors.map(\.subject) == ["alice@example.com"])
        #expect(deletion.connection == "orders")
        #expect(deletion.database == "orders_db")
        #expect(deletion.databaseRole == "readonly")
        #expect(deletion.clientAddress == "10.0.0.9:4242")
        #expect(deletion.outcome == "completed")
        #expect(deletion.rows == 1)
        #expect(deletion.serverMilliseconds == 1.5)
        #expect(deletion.at == "2027-01-15T08:00:05.000000Z")
        #expect(deletion.record == "1/0/5")
        #expect(deletion.agent == identifier(1).description)
        let refusal = try #require(rows.first { $0.kind == "refusal" })
        #expect(refusal.principal == "carol@example.com")
        #expect(refusal.reason == "no_grant")
        #expect(refusal.outcome == "refused")
        #expect(refusal.groups == ["sales"])
        #expect(refusal.message == "no grant for carol")
      }
    }

    @Test func eachFilterFindsItsOwn() async throws {
      try await withStore { store in
        try await Self.filled(store)
        #expect(try await Self.found(store) { $0.principals = ["bob@example.com"] }.count == 1)
        #expect(try await Self.found(store) { $0.principals = ["bob"] }.isEmpty)
        #expect(try await Self.found(store) { $0.connections = ["orders"] }.count == 4)
        #expect(
          try await Self.found(store) { $0.session = SessionID(identifier(10)) }.count == 2)
        let agent = identifier(2).description
        #expect(try await Self.found(store) { $0.agentPrefix = agent }.count == 2)
        #expect(try await Self.found(store) { $0.agentPrefix = String(agent.prefix(9)) }.count == 5)
        #expect(try await Self.found(store) { $0.agentPrefix = "ff" }.isEmpty)
        #expect(
          try await Self.found(store) { $0.outcomes = [.failed] }.map(\.sqlstate) == ["42P01"])
        #expect(try await Self.found(store) { $0.outcomes = [.refused] }.count == 1)
        #expect(try await Self.found(store) { $0.since = time(1000) }.count == 2)
        #expect(try await Self.found(store) { $0.until = time(1000) }.count == 3)
        #expect(try await Self.found(store) { $0.words = ["ORDERS", "delete"] }.count == 1)
        #expect(try await Self.found(store) { $0.words = ["orders"] }.count == 2)
        #expect(try await Self.found(store) { $0.words = ["100%_of"] }.count == 1)
        #expect(try await Self.found(store) { $0.words = ["1__%"] }.isEmpty)
        #expect(
          try await Self.found(store) {
            $0.words = ["orders"]
            $0.principals = ["bob@example.com"]
          }.isEmpty)
      }
    }

    @Test(arguments: [StatementQuery.Order.newest, .oldest], [1, 2, 3, 5, 100])
    func pagesCoverEveryRowOnce(order: StatementQuery.Order, limit: Int) async throws {
      try await withStore { store in
        try await Self.filled(store)
        var query = StatementQuery()
        query.order = order
        let whole = try await store.statements(query).items
        #expect(whole.count == 5)
        query.limit = limit
        var paged: [StatementInfo] = []
        for _ in 0..<20 {
          let page = try await store.statements(query)
          #expect(page.items.count <= limit)
          paged += page.items
          guard let next = page.nextCursor, !page.items.isEmpty else { break }
          query.cursor = next
        }
        #expect(paged == whole)
        if order == .newest {
          #expect(whole.map(\.at) == whole.map(\.at).sorted(by: >))
        }
      }
    }

    @Test(arguments: ["", "x", "bi8x", "!!!!", String(repeating: "A", count: 4000)])
    func foreignCursorsAreRefused(cursor: String) async throws {
      try await withStore { store in
        var query = StatementQuery()
        query.cursor = cursor
        let error = await #expect(throws: ControlError.self) {
          try await store.statements(query)
        }
        #expect(error?.code == .invalid)
      }
    }

    @Test func cursorOfAnotherOrderIsRefused() async throws {
      try await withStore { store in
        var query = StatementQuery()
        query.order = .oldest
        query.cursor = try await store.statements(query).nextCursor
        query.order = .newest
        await #expect(throws: ControlError.self) { try await store.statements(query) }
      }
    }

    @Test func statementIsPendingUntilItsEndComesInALaterBatch() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.open(session: 10)
        log.text("SELECT slow")
        log.begin(session: 10, statement: 1, "SELECT slow")
        _ = try await store.ingest(log.batch())

        var oldest = StatementQuery()
        oldest.order = .oldest
        let before = try await store.statements(oldest)
        #expect(before.items.isEmpty)
        let pending = try await store.statements(StatementQuery()).items
        #expect(pending.map(\.outcome) == ["unknown"])
        #expect(pending.first?.sql == "SELECT slow")
        #expect(try await Self.found(store) { $0.outcomes = [.unknown] }.count == 1)

        log.end(session: 10, statement: 1, rows: 7)
        _ = try await store.ingest(log.batch())
        oldest.cursor = before.nextCursor
        let after = try await store.statements(oldest)
        #expect(after.items.map(\.outcome) == ["completed"])
        #expect(after.items.first?.rows == 7)
        #expect(after.items.first?.principal == "alice@example.com")
        #expect(after.items.first?.record == "1/0/2")
        let newest = try await store.statements(StatementQuery()).items
        #expect(newest == after.items)
      }
    }

    @Test func closeOfTheSessionSettlesWhatHasNoEnd() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.open(session: 10)
        log.begin(session: 10, statement: 1, "SELECT 1")
        _ = try await store.ingest(log.batch())
        log.close(session: 10, statements: 1)
        _ = try await store.ingest(log.batch())
        let rows = try await Self.found(store) { $0.order = .oldest }
        #expect(rows.map(\.outcome) == ["unknown"])
        #expect(try await store.number("SELECT count(*) FROM sallyport.pending_statement") == 0)
      }
    }

    @Test func restartOfTheAgentSettlesItsOpenSessions() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.open(session: 10)
        log.begin(session: 10, statement: 1, "SELECT 1")
        _ = try await store.ingest(log.batch())
        log.write(
          LogOpenRecord(log: log.log, agentVersion: "0.1", host: "h", continued: true))
        log.open(session: 11)
        log.begin(session: 11, statement: 1, "SELECT 2")
        _ = try await store.ingest(log.batch())
        let sessions = try await store.sessions(SessionQuery()).items
        #expect(sessions.map(\.closeReason) == [nil, "agent_stopped"])
        #expect(try await Self.found(store) { $0.order = .oldest }.map(\.statement) == [1])
        #expect(try await store.number("SELECT count(*) FROM sallyport.pending_statement") == 1)
      }
    }

    @Test func refusedStatementIsOneRow() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.open(session: 10)
        log.text("DROP TABLE orders")
        let refusal = RefusalRecord(
          reason: "policy", detail: "rule no-ddl", sqlstate: "42501", message: "refused",
          statement: StatementID(1))
        // Over batches in each way they can be cut.
        log.begin(session: 10, statement: 1, "DROP TABLE orders")
        log.write(refusal, session: 10)
        log.end(session: 10, statement: 1, .refused, rows: 0)
        _ = try await store.ingest(log.batch())
        log.begin(session: 10, statement: 2, "DROP TABLE orders")
        _ = try await store.ingest(log.batch())
        var second = refusal
        second.statement = StatementID(2)
        log.write(second, session: 10)
        _ = try await store.ingest(log.batch())
        log.end(session: 10, statement: 2, .refused, rows: 0)
        _ = try await store.ingest(log.batch())
        let rows = try await Self.found(store) { $0.order = .oldest }
        #expect(rows.map(\.statement) == [1, 2])
        for row in rows {
          #expect(row.kind == "refusal")
          #expect(row.outcome == "refused")
          #expect(row.reason == "policy")
          #expect(row.sqlstate == "42501")
          #expect(row.sql == "DROP TABLE orders")
        }
      }
    }

    @Test func followerMissesNothingWhenBatchesCommitOutOfOrder() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        _ = try await store.enrol(agent: 2)
        // A batch has drawn its position and has not committed; another commits after it began.
        let (drawn, draw) = AsyncStream<Int64>.makeStream()
        let gate = DispatchSemaphore(value: 0)
        let slow = Task {
          try await store.transact("testing") { session in
            let position = try PostgresStore.drawPosition(session)
            draw.yield(position)
            gate.wait()
            var row = StatementRow(
              log: LogID(agent: AgentID(identifier(1)), epoch: 1, lane: 0), seq: 0,
              kind: "refusal", at: time(0))
            row.position = position
            row.receivedAt = WallTime(
              unixNanoseconds: Int64(Date().timeIntervalSince1970) * 1_000_000_000)
            var rows = CopyRows()
            rows.append(row.values)
            try session.copy(rows, into: "sallyport.statement (\(StatementRow.columns))")
          }
        }
        for await _ in drawn { break }
        var log = LogWriter(agent: 2)
        log.session(20, ["SELECT 1"])
        _ = try await store.ingest(log.batch())

        var query = StatementQuery()
        query.order = .oldest
        let first = try await store.statements(query)
        #expect(first.items.isEmpty)
        gate.signal()
        try await slow.value
        query.cursor = first.nextCursor
        let second = try await store.statements(query)
        #expect(second.items.map(\.kind) == ["refusal", "statement"])
      }
    }

    @Test func followerReadsNothingTwiceWhenALockComesLate() async throws {
      try await withStore { store in
        try await Self.filled(store)
        var query = StatementQuery()
        query.order = .oldest
        let first = try await store.statements(query)
        #expect(first.items.count == 5)
        query.cursor = first.nextCursor
        // A batch that read the sequence before the others drew takes its lock only now.
        let (locked, lock) = AsyncStream<Void>.makeStream()
        let gate = DispatchSemaphore(value: 0)
        let late = Task {
          try await store.transact("testing") { session in
            try session.execute(
              "SELECT pg_advisory_xact_lock_shared(($1::bigint << 48) | 1)",
              [.integer(TrailHorizon.lockTag)])
            lock.yield()
            gate.wait()
          }
        }
        for await _ in locked { break }
        let during = try await store.statements(query)
        gate.signal()
        try await late.value
        #expect(during.items.isEmpty)
        query.cursor = during.nextCursor
        #expect(try await store.statements(query).items.isEmpty)
        var log = LogWriter(agent: 1, lane: 7)
        log.session(30, ["SELECT 1"])
        _ = try await store.ingest(log.batch())
        query.cursor = during.nextCursor
        #expect(try await store.statements(query).items.map(\.sql) == ["SELECT 1"])
      }
    }

    @Test func followerReadsEachRowOnceWhileAgentsShip() async throws {
      try await withStore { store in
        for agent in UInt64(1)...3 { _ = try await store.enrol(agent: agent) }
        let shippers = Task {
          try await withThrowingTaskGroup(of: Void.self) { group in
            for agent in UInt64(1)...3 {
              group.addTask {
                var log = LogWriter(agent: agent)
                for round in UInt64(0)..<30 {
                  log.session(agent * 1000 + round, ["SELECT \(agent)", "SELECT \(round)"])
                  _ = try await store.ingest(log.batch())
                }
              }
            }
            try await group.waitForAll()
          }
        }
        var query = StatementQuery()
        query.order = .oldest
        query.limit = 7
        var seen: [String] = []
        try await eventually("all rows") {
          let page = try await store.statements(query)
          seen += page.items.map { "\($0.agent)/\($0.record)" }
          query.cursor = page.nextCursor
          return seen.count >= 180
        }
        try await shippers.value
        #expect(Set(seen).count == 180)
        #expect(try await store.statements(query).items.isEmpty)
      }
    }

    @Test func sessionsArePagedAndFiltered() async throws {
      try await withStore { store in
        try await Self.filled(store)
        var query = SessionQuery()
        query.limit = 1
        var ids: [String] = []
        repeat {
          let page = try await store.sessions(query)
          ids += page.items.map(\.id)
          query.cursor = page.nextCursor
        } while query.cursor != nil
        #expect(ids == [20, 11, 10].map { identifier($0).description })
        query = SessionQuery()
        query.openOnly = true
        let open = try await store.sessions(query).items
        #expect(open.map(\.id) == [identifier(20).description])
        #expect(open.first?.statements == 1)
        query = SessionQuery()
        query.principal = "bob@example.com"
        #expect(try await store.sessions(query).items.map(\.connection) == ["billing"])
        let details = try await store.sessions(
          SessionDetailQuery(id: SessionID(identifier(10)), limit: 10, statementLimit: 10))
        #expect(details.map(\.session.id) == [identifier(10).description])
        #expect(details.map { $0.statements.map(\.statement) } == [[1, 2]])
      }
    }

    @Test func viewsServeSQLUsers() async throws {
      try await withStore { store in
        try await Self.filled(store)
        #expect(
          try await store.number(
            """
            SELECT count(*) FROM sallyport.statements
            WHERE sql ILIKE 'delete%' AND principal = 'alice@example.com'
              AND 'dba' = ANY (groups) AND database = 'orders_db'
            """) == 1)
        #expect(try await store.number("SELECT count(*) FROM sallyport.sessions") == 3)
      }
    }
  }
}
