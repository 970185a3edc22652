import AuditLog
import ControlCore
import GatewayModel
import StatementAnalysis
import Synchronization
import TestSupport
import Testing

@testable import PostgresStore

extension DatabaseTests {
  /// Where a comparison could tell of what is in order, or pass over what is not.
  @Suite struct ComparisonEdges {
    // MARK: Texts

    private static let blank = """
      analysed_at = NULL, failure = NULL, fingerprint = NULL, commands = NULL, tables = NULL,
      effects = NULL, keys = NULL
      """

    /// Acts after which a text would wait for ever, or have facts that nobody has read out of it.
    private static let acts: [(sql: String, says: String)] = [
      (
        """
        UPDATE sallyport.statement_text SET analysis = 0;
        UPDATE sallyport.statement_facts SET \(blank), claimed_at = 'infinity'
        """, "waits for its analysis"
      ),
      (
        """
        UPDATE sallyport.statement_text
          SET analysis = 0, first_seen_at = now() - interval '2 hours';
        DELETE FROM sallyport.statement_facts
        """, "waits for its analysis"
      ),
      (
        """
        UPDATE sallyport.statement_text SET analysis = 0, first_seen_at = 'infinity';
        DELETE FROM sallyport.statement_facts
        """, "waits for its analysis"
      ),
      (
        """
        UPDATE sallyport.statement_text SET analysis = 0;
        UPDATE sallyport.statement_facts SET analysed_at = NULL
        """, "counts as analysed"
      ),
      (
        """
        UPDATE sallyport.statement_facts SET \(blank);
        UPDATE sallyport.statement_facts SET failure = 'given up: it is odd'
        """, "counts as analysed"
      ),
    ]

    private static func restore(_ store: PostgresStore) async throws {
      for table in ["statement_text", "statement_facts"] {
        try await store.tamper(
          """
          DELETE FROM sallyport.\(table);
          INSERT INTO sallyport.\(table) SELECT * FROM public.\(table)
          """)
      }
    }

    /// One text, analysed, of which ``restore(_:)`` has a copy.
    private static func filled(_ store: PostgresStore) async throws {
      _ = try await store.enrol(agent: 1)
      var log = LogWriter(agent: 1)
      log.session(1, ["DELETE FROM orders"])
      _ = try await store.ingest(log.batch())
      #expect(try await store.compared().tables.unproven == 1)
      try await store.analyseTexts()
      // Texts may wait for an hour after the schema came to the step that has all of them analysed.
      try await store.tamper(
        "UPDATE sallyport.migration SET applied_at = applied_at - interval '2 hours'")
      for table in ["statement_text", "statement_facts"] {
        try await store.run("CREATE TABLE public.\(table) AS SELECT * FROM sallyport.\(table)")
      }
    }

    @Test func factsThatAreTakenAwayAreFound() async throws {
      try await withStore { store in
        try await Self.filled(store)
        for act in Self.acts {
          try await store.tamper(act.sql)
          let found = try await store.compared().findings.map(\.message)
          #expect(found.count == 1 && found.first?.contains(act.says) == true, "\(act): \(found)")
          try await Self.restore(store)
        }
        let compared = try await store.compared()
        #expect(compared.findings == [] && compared.tables.unproven == 0)
      }
    }

    /// It cannot be told from one that was given up, and is not tried again: it is named.
    @Test func textsThatCountAsGivenUpAreNamed() async throws {
      try await withStore { store in
        try await Self.filled(store)
        try await store.tamper(
          """
          UPDATE sallyport.statement_text SET analysis = 2;
          UPDATE sallyport.statement_facts SET \(Self.blank), attempts = 3
          """)
        try await store.tamper(
          "UPDATE sallyport.statement_facts SET failure = '\(PostgresStore.givenUp)'")
        let compared = try await store.compared()
        #expect(compared.findings == [])
        #expect(compared.tables.unproven == 1)
        let digest = StatementDigest(of: Array("DELETE FROM orders".utf8))
        #expect(compared.tables.givenUp == [PostgresStore.hexadecimal(digest.bytes)])
      }
    }

    @Test func textsThatArriveMeanwhileAreNotFound() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.session(1, ["SELECT 1"])
        _ = try await store.ingest(log.batch())
        let writer = Mutex((log: log, count: 0))
        let compared = try await store.compared {
          let batch: ShippedBatch? = writer.withLock { state in
            guard state.count < 12 else { return nil }
            state.count += 1
            state.log.text("SELECT '\u{0}', \(state.count)")
            return state.log.batch()
          }
          if let batch { _ = try await store.ingest(batch) }
        }
        #expect(compared.findings == [])
        #expect(compared.tables.unproven > 1)
        // What was there before is on record, or is not.
        try await store.tamper(
          """
          INSERT INTO sallyport.statement_text (digest, text, first_seen_at)
          SELECT sha256('x'), convert_from('\\xefbfbd', 'UTF8'), now() - interval '1 day'
          """)
        let found = try await store.compared().findings
        #expect(found.count == 1 && found.first?.message.contains("has not the digest") == true)
      }
    }

    @Test func wordsThatNobodySentAreNotAnalysed() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.session(1, ["SELECT 1", "SELECT '\u{0}'"])
        _ = try await store.ingest(log.batch())
        try await store.analyseTexts()
        try await store.tamper(
          "UPDATE sallyport.statement_text SET text = 'SELECT 9' WHERE text = 'SELECT 1'")
        let seen = Mutex<[String?]>([])
        let control = LogID(agent: AgentID(try await store.controlPlaneID()), epoch: 1, lane: 0)
        _ = try await store.compareTables(
          of: nil, control: control,
          analyse: { texts in
            seen.withLock { $0 += texts.map(\.sql) }
            return []
          }, tell: { _ in })
        #expect(seen.withLock { $0 } == ["SELECT '\u{FFFD}'"])
      }
    }

    @Test func largeTextsComeInPagesOfTheirOwn() async throws {
      try await withStore { store in
        try await store.tamper(
          """
          INSERT INTO sallyport.statement_text (digest, text, first_seen_at)
          SELECT sha256(n::text::bytea), repeat('x', 20 << 20), now() FROM generate_series(1, 3) n;
          INSERT INTO sallyport.statement_text (digest, text, first_seen_at)
          SELECT sha256('y'), repeat('y', 40 << 20), now()
          """)
        let calls = Mutex(0)
        let compared = try await store.compared { calls.withLock { $0 += 1 } }
        #expect(compared.tables.texts == 4)
        #expect(compared.findings.count == 4)
        // A page of each but the last, which is empty; the other calls are of the control plane.
        let before = calls.withLock { $0 }
        try await store.tamper("DELETE FROM sallyport.statement_text")
        _ = try await store.compared { calls.withLock { $0 += 1 } }
        #expect(before - (calls.withLock { $0 } - before) >= 3)
      }
    }

    // MARK: Rows

    /// A row of no statement below the first stored record belongs to nothing.
    @Test func rowsBeforeTheFirstRecordAreFound() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.openLog()
        log.beat(3)
        log.session(1, ["SELECT 1"])
        _ = try await store.ingest(log.batch())
        try await store.run("ALTER TABLE sallyport.record DISABLE TRIGGER ALL")
        try await store.run("DELETE FROM sallyport.record WHERE seq < 3")
        #expect(try await store.compared().findings == [])
        try await store.tamper(
          """
          INSERT INTO sallyport.statement (agent, epoch, lane, seq, position, ordinal,
            received_at, kind, at, outcome)
          SELECT agent, epoch, lane, 1, position, 99, received_at, 'refusal', at, 'refused'
          FROM sallyport.statement
          """)
        let found = try await store.compared().findings
        #expect(found.map(\.seq) == [1])
        #expect(found.first?.message.contains("of no statement that goes on") == true)
      }
    }

    /// Many statements that an epoch settled, and whose ends came behind what a step reads.
    @Test func manyRowsThatAreAheadAreNotFound() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var old = LogWriter(agent: 1)
        old.openLog()
        old.open(session: 1)
        old.text("SELECT 1")
        for number in UInt64(1)...2200 { old.begin(session: 1, statement: number, "SELECT 1") }
        _ = try await store.ingest(old.batch())
        var new = LogWriter(agent: 1, epoch: 2, startingAt: 60)
        new.openLog()
        new.beat(AgentComparison.stepRecords)
        _ = try await store.ingest(new.batch())
        for number in UInt64(1)...2200 { old.end(session: 1, statement: number) }
        _ = try await store.ingest(old.batch())
        let compared = try await store.compared()
        #expect(compared.findings == [])
        #expect(compared.tables.leftOut == 0)
      }
    }

    /// Retention that drops a day waits for the step, or the step for it.
    @Test func daysAreNotDroppedBehindASnapshot() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.session(1, ["SELECT 1"])
        _ = try await store.ingest(log.batch())
        let held = try await store.transact("testing") { session in
          try PostgresStore.beginComparison(session)
          return try session.row(
            """
            SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND granted
              AND mode = 'AccessShareLock'
              AND relation IN ('sallyport.record'::regclass, 'sallyport.statement'::regclass)
            """
          ) { row throws(PostgresError) in try row.integer() }
        }
        #expect(held == 2)
      }
    }
  }
}
