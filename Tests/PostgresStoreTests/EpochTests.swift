import APIModel
import AuditLog
import ControlCore
import Dispatch
import Foundation
import GatewayModel
import TestSupport
import Testing

@testable import PostgresStore

extension LogWriter {
  mutating func openLog() {
    write(LogOpenRecord(log: log, agentVersion: "0.1", host: "h", continued: nextSeq > 0))
  }

  mutating func closeLog() { write(LogCloseRecord(reason: "lane_unused")) }

  /// A session with a statement under way.
  mutating func beginWork(session: UInt64) {
    open(session: session)
    text("SELECT \(session)")
    begin(session: session, statement: 1, "SELECT \(session)")
  }

  /// A chunk of a text of three, of which the last completes it.
  mutating func chunk(_ number: UInt32, of text: String) {
    let bytes = Array(text.utf8)
    let size = bytes.count / 3 + 1
    let start = Int(number) * size
    write(
      StatementTextRecord(
        digest: StatementDigest(of: bytes), chunk: number, isLast: number == 2,
        text: Array(bytes[start..<min(bytes.count, start + size)])))
  }
}

extension DatabaseTests {
  /// What an agent that stopped, or began a new epoch, left under way.
  @Suite struct Epochs {
    private static func pending(_ store: PostgresStore) async throws -> Int {
      try await store.number("SELECT count(*) FROM sallyport.pending_statement")
    }

    private static func openSessions(_ store: PostgresStore) async throws -> Int {
      try await store.number("SELECT count(*) FROM sallyport.session WHERE closed_at IS NULL")
    }

    private static func chunks(_ store: PostgresStore) async throws -> Int {
      try await store.number("SELECT count(*) FROM sallyport.statement_text_chunk")
    }

    private static func texts(_ store: PostgresStore) async throws -> Int {
      try await store.number("SELECT count(*) FROM sallyport.statement_text")
    }

    /// Lanes of the agent's first epoch, each with a session and a statement under way.
    private static func working(
      _ store: PostgresStore, agent: UInt64 = 1, lanes: Int = 3
    ) async throws -> [LogWriter] {
      _ = try await store.enrol(agent: agent)
      var logs: [LogWriter] = []
      for lane in 0..<lanes {
        var log = LogWriter(agent: agent, lane: UInt32(lane))
        log.openLog()
        log.beginWork(session: agent * 100 + UInt64(lane))
        _ = try await store.ingest(log.batch())
        logs.append(log)
      }
      return logs
    }

    @Test func lanesThatAreNotWrittenAgainAreSettledByTheirOpenAndClose() async throws {
      try await withStore { store in
        var logs = try await Self.working(store)
        #expect(try await Self.pending(store) == 3)
        #expect(try await Self.openSessions(store) == 3)
        logs[0].openLog()
        _ = try await store.ingest(logs[0].batch())
        #expect(try await Self.pending(store) == 2)
        for lane in 1...2 {
          logs[lane].openLog()
          logs[lane].closeLog()
          _ = try await store.ingest(logs[lane].batch())
        }
        #expect(try await Self.pending(store) == 0)
        #expect(try await Self.openSessions(store) == 0)
        var query = StatementQuery()
        query.order = .oldest
        let rows = try await store.statements(query).items
        #expect(rows.map(\.outcome) == ["unknown", "unknown", "unknown"])
        #expect(rows.map(\.sql) == ["SELECT 100", "SELECT 101", "SELECT 102"])
      }
    }

    @Test func closeOfTheLogSettlesWhatIsUnderWay() async throws {
      try await withStore { store in
        var logs = try await Self.working(store, lanes: 2)
        logs[0].closeLog()
        _ = try await store.ingest(logs[0].batch())
        #expect(try await Self.pending(store) == 1)
        let sessions = try await store.sessions(SessionQuery()).items
        #expect(Set(sessions.map(\.closeReason)) == [nil, "agent_stopped"])
      }
    }

    @Test func higherEpochSettlesAllLanesOfTheLowerAndOfNoOtherAgent() async throws {
      try await withStore { store in
        _ = try await Self.working(store)
        _ = try await Self.working(store, agent: 2, lanes: 1)
        var next = LogWriter(agent: 1, epoch: 7, startingAt: 500)
        next.openLog()
        next.beginWork(session: 50)
        _ = try await store.ingest(next.batch())
        #expect(
          try await store.number(
            """
            SELECT count(*) FROM sallyport.session WHERE agent = '\(identifier(1))' AND epoch = 1
              AND closed_at = '2027-01-15T08:08:20Z' AND close_reason = 'agent_stopped'
            """) == 3)
        // The new session of the agent, and that of the other agent.
        #expect(try await Self.openSessions(store) == 2)
        #expect(try await Self.pending(store) == 2)
        var query = StatementQuery()
        query.order = .oldest
        let rows = try await store.statements(query).items
        #expect(rows.map(\.sql) == ["SELECT 100", "SELECT 101", "SELECT 102"])
        #expect(rows.allSatisfy { $0.outcome == "unknown" && $0.principal == "alice@example.com" })
      }
    }

    @Test func backlogOfALowerEpochCorrectsWhatWasGivenUp() async throws {
      try await withStore { store in
        var logs = try await Self.working(store, lanes: 2)
        var next = LogWriter(agent: 1, epoch: 7, startingAt: 500)
        next.openLog()
        _ = try await store.ingest(next.batch())
        var follow = StatementQuery()
        follow.order = .oldest
        var page = try await store.statements(follow)
        #expect(page.items.map(\.outcome) == ["unknown", "unknown"])
        follow.cursor = page.nextCursor

        logs[1].end(session: 101, statement: 1, rows: 7)
        logs[1].begin(session: 101, statement: 2, "SELECT 101")
        #expect(try await store.ingest(logs[1].batch()) == .stored(nextSeq: 6))
        #expect(try await Self.pending(store) == 0)
        #expect(try await Self.openSessions(store) == 0)
        page = try await store.statements(follow)
        #expect(page.items.map(\.statement) == [1, 2])
        #expect(page.items.map(\.outcome) == ["completed", "unknown"])
        #expect(page.items.map(\.rows) == [7, nil])
        #expect(page.items.map(\.sql) == ["SELECT 101", "SELECT 101"])
        #expect(page.items.map(\.record) == ["1/1/3", "1/1/5"])
        follow.cursor = page.nextCursor

        logs[1].write(
          RefusalRecord(
            reason: "policy", detail: "rule", sqlstate: "42501", statement: StatementID(2)),
          session: 101)
        logs[1].end(session: 101, statement: 2, .refused)
        logs[1].close(session: 101, statements: 2)
        logs[1].openLog()
        _ = try await store.ingest(logs[1].batch())
        page = try await store.statements(follow)
        #expect(page.items.map(\.outcome) == ["refused"])
        #expect(page.items.map(\.reason) == ["policy"])
        #expect(
          try await store.sessions(SessionQuery()).items.map(\.closeReason)
            == ["client_terminated", "agent_stopped"])
        // One of lane 0 and two of lane 1, none of them twice.
        #expect(try await store.number("SELECT count(*) FROM sallyport.statement") == 3)
        #expect(try await Self.pending(store) == 0)
      }
    }

    @Test func laneOfALowerEpochThatWasNeverHeardOfIsSettledAsItArrives() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var next = LogWriter(agent: 1, epoch: 7, startingAt: 500)
        next.openLog()
        _ = try await store.ingest(next.batch())
        var late = LogWriter(agent: 1, lane: 5)
        late.openLog()
        late.beginWork(session: 10)
        _ = try await store.ingest(late.batch())
        #expect(try await Self.pending(store) == 0)
        #expect(
          try await store.number(
            """
            SELECT count(*) FROM sallyport.session WHERE closed_at = '2027-01-15T08:08:20Z'
            """) == 1)
        #expect(try await store.statements(StatementQuery()).items.map(\.outcome) == ["unknown"])
      }
    }

    @Test func batchThatDoesNotFitItsCursorBeginsNoEpoch() async throws {
      try await withStore { store in
        _ = try await Self.working(store, lanes: 1)
        var next = LogWriter(agent: 1, epoch: 7)
        next.openLog()
        #expect(try await store.ingest(next.batch().moved(to: 3)) == .wrongCursor(nextSeq: 0))
        var lane = LogWriter(agent: 1, lane: 1)
        lane.beginWork(session: 11)
        _ = try await store.ingest(lane.batch())
        #expect(try await Self.pending(store) == 2)
        #expect(try await Self.openSessions(store) == 2)
      }
    }

    @Test func epochThatBeginsWhileALowerOneIsStoredMissesNothingOfIt() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        // Holds a batch of the lower epoch in the middle of its transaction.
        try await store.transact("testing") { session in
          try session.script(
            """
            CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS
              $$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$;
            CREATE TRIGGER hold AFTER INSERT ON sallyport.session
              FOR EACH STATEMENT EXECUTE FUNCTION public.hold();
            """)
        }
        let (held, hold) = AsyncStream<Void>.makeStream()
        let gate = DispatchSemaphore(value: 0)
        let holder = Task {
          try await store.transact("testing") { session in
            try session.execute("SELECT pg_advisory_xact_lock(42)")
            hold.yield()
            gate.wait()
          }
        }
        for await _ in held { break }
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        let lower = Task {
          var log = LogWriter(agent: 1)
          log.beginWork(session: 10)
          return try await store.ingest(log.batch())
        }
        try await eventually("the lower epoch's batch is held") {
          try await store.number(waiting) == 1
        }
        let higher = Task {
          var log = LogWriter(agent: 1, epoch: 7)
          log.openLog()
          return try await store.ingest(log.batch())
        }
        try await eventually("the higher epoch's batch waits or is stored") {
          let stored = try await store.number(
            "SELECT count(*) FROM sallyport.log_cursor WHERE epoch = 7 AND next_seq > 0")
          let waits = try await store.number(waiting) == 2
          return waits || stored == 1
        }
        gate.signal()
        try await holder.value
        #expect(try await lower.value == .stored(nextSeq: 3))
        #expect(try await higher.value == .stored(nextSeq: 1))
        #expect(try await Self.pending(store) == 0)
        #expect(try await Self.openSessions(store) == 0)
      }
    }

    @Test func chunksOfATextThatIsBrokenOffAreDropped() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.chunk(0, of: "SELECT 'broken off'")
        log.chunk(1, of: "SELECT 'broken off'")
        _ = try await store.ingest(log.batch())
        #expect(try await Self.chunks(store) == 2)
        log.openLog()
        _ = try await store.ingest(log.batch())
        #expect(try await Self.chunks(store) == 0)

        // Within one batch, which ends in the middle of a text that goes on.
        log.chunk(0, of: "SELECT 'broken off'")
        log.openLog()
        log.chunk(0, of: "SELECT 'whole text'")
        _ = try await store.ingest(log.batch())
        #expect(try await Self.chunks(store) == 1)
        log.chunk(1, of: "SELECT 'whole text'")
        _ = try await store.ingest(log.batch())
        log.chunk(2, of: "SELECT 'whole text'")
        _ = try await store.ingest(log.batch())
        #expect(try await Self.texts(store) == 1)
        #expect(try await Self.chunks(store) == 0)

        // A full disk breaks a text off without a restart; the next long text tells.
        log.chunk(0, of: "SELECT 'broken off'")
        _ = try await store.ingest(log.batch())
        for number in UInt32(0)...2 { log.chunk(number, of: "SELECT 'another text'") }
        _ = try await store.ingest(log.batch())
        #expect(try await Self.texts(store) == 2)
        #expect(try await Self.chunks(store) == 0)

        log.chunk(0, of: "SELECT 'broken off'")
        log.closeLog()
        _ = try await store.ingest(log.batch())
        #expect(try await Self.chunks(store) == 0)
      }
    }

    /// The records of an earlier log come again part by part, with those of sessions in between.
    @Test(arguments: [1, 2, 3, 100]) func otherRecordsStandBetweenTheChunks(
      _ batchRecords: Int
    ) async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        for step in 0..<9 {
          switch step % 3 {
          case 0: log.chunk(UInt32(step / 3), of: "SELECT 'moved'")
          case 1: log.beat(1)
          default: log.text("SELECT \(step)")
          }
          if (step + 1) % batchRecords == 0 || step == 8 { _ = try await store.ingest(log.batch()) }
        }
        #expect(try await Self.texts(store) == 4)
        #expect(try await Self.chunks(store) == 0)
      }
    }

    @Test func chunksOfALowerEpochWaitAMonthForTheRest() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var old = LogWriter(agent: 1, lane: 0)
        old.chunk(0, of: "SELECT 'never completed'")
        _ = try await store.ingest(old.batch())
        var recent = LogWriter(agent: 1, lane: 1)
        recent.chunk(0, of: "SELECT 'completed late'")
        _ = try await store.ingest(recent.batch())
        try await store.run(
          """
          UPDATE sallyport.log_cursor SET received_at = received_at - interval '31 days'
          WHERE lane = 0
          """)
        var next = LogWriter(agent: 1, epoch: 7)
        next.openLog()
        _ = try await store.ingest(next.batch())
        #expect(try await Self.chunks(store) == 1)
        recent.chunk(1, of: "SELECT 'completed late'")
        recent.chunk(2, of: "SELECT 'completed late'")
        _ = try await store.ingest(recent.batch())
        #expect(try await Self.texts(store) == 1)
        #expect(try await Self.chunks(store) == 0)
      }
    }
  }
}
