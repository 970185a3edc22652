import APIModel
import AuditLog
import ControlCore
import Crypto
import Foundation
import GatewayModel
import StatementAnalysis
import Synchronization
import Testing

@testable import PostgresStore

extension PostgresStore {
  /// What a comparison of all tables with the records finds.
  func compared(
    of agents: [AgentID]? = nil, meanwhile: @escaping @Sendable () async throws -> Void = {}
  ) async throws -> (findings: [Finding], tables: ComparedTables) {
    let log = LogID(agent: AgentID(try await controlPlaneID()), epoch: 1, lane: 0)
    let findings = Mutex<[Finding]>([])
    let tables = try await compareTables(of: agents, control: log, analyse: Self.analyse) { news in
      switch news {
      case .finding(let finding): findings.withLock { $0.append(finding) }
      case .progress: try await meanwhile()
      }
    }
    return (findings.withLock { $0 }, tables)
  }

  private static let analyse: TextAnalyser = { texts in
    texts.map { text in
      do throws(AnalysisFailure) {
        guard let sql = text.sql else { throw .tooLong(bytes: text.bytes) }
        return AnalysedText(
          digest: text.digest, result: .success(try StatementAnalysis.textFacts(of: sql)))
      } catch {
        return AnalysedText(digest: text.digest, result: .failure(error))
      }
    }
  }

  /// Analyses all texts that wait.
  func analyseTexts() async throws {
    while true {
      let texts = try await claimTexts(limit: 100, maximumBytes: StatementAnalysis.maximumFormBytes)
      guard !texts.isEmpty else { return }
      try await settle(await Self.analyse(texts))
    }
  }

  /// Does what somebody does who may switch the triggers off.
  func tamper(_ sql: String) async throws {
    try await transact("testing") { session in
      try session.script("SET LOCAL session_replication_role = replica; \(sql)")
    }
  }
}

extension DatabaseTests {
  /// The tables that questions are answered from, against the records.
  @Suite struct Comparisons {
    private static let log = LogWriter(agent: 1).log

    /// Two agents, statements that end and one that does not, a refusal, a text with a character
    /// that cannot be stored, an open session, and entries of the control plane's own log.
    @discardableResult
    private static func filled(_ store: PostgresStore) async throws -> [LogWriter] {
      _ = try await store.enrol(agent: 1)
      _ = try await store.enrol(agent: 2)
      var first = LogWriter(agent: 1)
      first.openLog()
      first.session(1, ["SELECT 1", "DELETE FROM orders"])
      _ = try await store.ingest(first.batch())
      first.open(
        session: 2, connection: "payroll",
        actors: [
          Actor(subject: "agent-7", kind: .aiAgent, verified: true),
          Actor(subject: "alice@example.com", kind: .user, verified: true),
        ])
      first.text("SELECT '\u{0}'")
      first.begin(
        session: 2, statement: 1, "SELECT '\u{0}'",
        parameters: [
          BoundParameter(typeOID: 25, value: .text("a \u{0} \"é\"")),
          BoundParameter(typeOID: 17, value: .binary([0, 255])),
        ])
      _ = try await store.ingest(first.batch())
      first.end(session: 2, statement: 1, .failed)
      first.begin(session: 2, statement: 2, "SELECT 1")
      first.write(
        RefusalRecord(
          reason: "grant", detail: "none", subject: "mallory", connection: "orders",
          groups: ["g"]))
      _ = try await store.ingest(first.batch())
      var second = LogWriter(agent: 2)
      second.openLog()
      second.session(1, ["SELECT 2"])
      second.beat(20)
      _ = try await store.ingest(second.batch())
      let plane = try await TestPlane.over(store)
      _ = try await plane.retention.set(
        RetentionChange(connection: nil, days: 900), by: TestPlane.caller)
      try await store.analyseTexts()
      return [first, second]
    }

    @Test func whatIngestStoresIsWhatTheRecordsSay() async throws {
      try await withStore { store in
        try await Self.filled(store)
        let compared = try await store.compared()
        #expect(compared.findings == [])
        #expect(compared.tables.records > 40)
        #expect(compared.tables.rows >= 10)
        #expect(compared.tables.texts == 4)
        #expect(compared.tables.leftOut == 0 && compared.tables.unproven == 0)
      }
    }

    struct Act: Sendable, CustomTestStringConvertible {
      var sql: String
      var table: String
      /// What the finding says of it.
      var says: String
      var seq: UInt64?
      var testDescription: String { "\(table): \(sql.prefix(60))" }

      init(_ sql: String, _ table: String, _ says: String, seq: UInt64? = nil) {
        (self.sql, self.table, self.says, self.seq) = (sql, table, says, seq)
      }
    }

    static let acts: [Act] = [
      Act(
        "UPDATE sallyport.statement SET rows = 0 WHERE agent = '\(identifier(1))' AND seq = 3",
        "statement", "column rows", seq: 3),
      Act(
        "UPDATE sallyport.statement SET principal = 'eve', outcome = 'failed' WHERE seq = 3",
        "statement", "columns principal, outcome", seq: 3),
      Act(
        "UPDATE sallyport.statement SET parameters = '[]' WHERE parameters IS NOT NULL",
        "statement", "column parameters"),
      Act("UPDATE sallyport.statement SET rows = -1 WHERE rows IS NULL", "statement", "rows"),
      Act("DELETE FROM sallyport.statement WHERE seq = 6", "statement", "is missing", seq: 6),
      Act(
        """
        INSERT INTO sallyport.statement (agent, epoch, lane, seq, position, ordinal, received_at,
          kind, at, outcome) SELECT agent, epoch, lane, 0, position, 9, received_at, kind, at,
          outcome FROM sallyport.statement WHERE seq = 6
        """, "statement", "no record asks", seq: 0),
      Act(
        """
        INSERT INTO sallyport.statement SELECT (jsonb_populate_record(s,
          jsonb_build_object('received_at', s.received_at + interval '1 ms'))).*
          FROM sallyport.statement s WHERE seq = 6
        """, "statement", "2 rows stand", seq: 6),
      Act(
        """
        INSERT INTO sallyport.statement SELECT (jsonb_populate_record(s,
          jsonb_build_object('seq', 999))).* FROM sallyport.statement s WHERE seq = 6
        """, "statement", "outside of the log", seq: 999),
      Act(
        """
        INSERT INTO sallyport.statement SELECT (jsonb_populate_record(s,
          jsonb_build_object('lane', 5))).* FROM sallyport.statement s WHERE seq = 6
        """, "statement", "it is not there"),
      Act("DELETE FROM sallyport.pending_statement", "pending_statement", "is missing"),
      Act("UPDATE sallyport.pending_statement SET rule = 'x'", "pending_statement", "column rule"),
      Act(
        """
        INSERT INTO sallyport.statement SELECT * FROM sallyport.pending_statement;
        DELETE FROM sallyport.pending_statement
        """, "statement", "has ended"),
      Act(
        "UPDATE sallyport.session SET principal = 'eve' WHERE connection = 'payroll'",
        "session", "column principal"),
      Act(
        "UPDATE sallyport.session SET actors = '[]' WHERE connection = 'payroll'",
        "session", "column actors"),
      Act(
        "UPDATE sallyport.session SET closed_at = opened_at, close_reason = 'x' WHERE closed_at IS NULL",
        "session", "closed_at, close_reason"),
      Act("UPDATE sallyport.session SET closed_at = NULL", "session", "closed_at"),
      Act(
        "UPDATE sallyport.session SET statements = 1 WHERE statements = 2", "session", "statements"),
      Act("DELETE FROM sallyport.session WHERE connection = 'payroll'", "session", "is missing"),
      Act(
        """
        INSERT INTO sallyport.session (id, agent, epoch, lane, seq, opened_at, principal,
          principal_kind, issuer, groups, actors, token_id, connection, database, database_role,
          segment, client_address, client_tls, server_address, server_tls, application_name,
          access_grant, bundle_version)
        SELECT gen_random_uuid(), agent, epoch, lane, seq, opened_at, 'eve', principal_kind, issuer,
          groups, actors, token_id, connection, database, database_role, segment, client_address,
          client_tls, server_address, server_tls, application_name, access_grant, bundle_version
        FROM sallyport.session LIMIT 1
        """, "session", "no record that opens it"),
      Act(
        "UPDATE sallyport.statement_text SET text = 'SELECT 9' WHERE text = 'DELETE FROM orders'",
        "statement_text", "not the one of the records"),
      Act(
        "DELETE FROM sallyport.statement_text WHERE text = 'SELECT 1'",
        "statement_text", "is missing"),
      Act(
        """
        INSERT INTO sallyport.statement_text (digest, text, first_seen_at)
        VALUES (sha256('x'), 'SELECT 9', now())
        """, "statement_text", "has not the digest"),
      Act(
        "UPDATE sallyport.statement_facts SET tables = '{}', keys = '{}' WHERE 'orders' = ANY (tables)",
        "statement_facts", "columns tables, keys"),
      Act("DELETE FROM sallyport.statement_facts", "statement_facts", "counts as analysed"),
      Act(
        "UPDATE sallyport.control_entry SET caller_name = 'eve' WHERE seq = 0",
        "control_entry", "column caller_name", seq: 0),
      Act(
        "DELETE FROM sallyport.control_entry WHERE seq = 0", "control_entry", "is missing", seq: 0),
      Act(
        """
        INSERT INTO sallyport.control_entry SELECT seq + 1000, at, action, subject, detail, refusal,
          caller_token, caller_name, caller_role, caller_address FROM sallyport.control_entry
          WHERE seq = 0
        """, "control_entry", "no record asks", seq: 1000),
    ]

    @Test func eachActInATableIsNamed() async throws {
      try await withStore { store in
        try await Self.filled(store)
        let keeps = [
          "statement", "pending_statement", "session", "statement_text", "statement_facts",
          "control_entry",
        ]
        for table in keeps {
          try await store.run("CREATE TABLE public.\(table) AS SELECT * FROM sallyport.\(table)")
        }
        let columns = (["id", "agent"] + SessionRow.columnNames + SessionRow.endNames).joined(
          separator: ", ")
        for act in Self.acts {
          try await store.tamper(act.sql)
          let found = try await store.compared().findings
          let named = found.contains {
            $0.code == .projection && $0.message.hasPrefix("\(act.table): ")
              && $0.message.contains(act.says) && (act.seq == nil || $0.seq == act.seq)
          }
          #expect(named, "\(act.testDescription): \(found)")
          for table in keeps {
            let list = table == "session" ? columns : "*"
            try await store.tamper(
              """
              DELETE FROM sallyport.\(table);
              INSERT INTO sallyport.\(table)\(table == "session" ? " (\(columns))" : "")
                SELECT \(list) FROM public.\(table)
              """)
          }
        }
        #expect(try await store.compared().findings == [])
      }
    }

    @Test func nothingOfAValueIsInAFinding() async throws {
      try await withStore { store in
        try await Self.filled(store)
        try await store.tamper(
          "UPDATE sallyport.statement SET message = 'hunter2', parameters = '[\"hunter2\"]'")
        try await store.tamper("UPDATE sallyport.session SET token_id = 'hunter2'")
        try await store.tamper("UPDATE sallyport.control_entry SET detail = 'hunter2'")
        let found = try await store.compared().findings
        #expect(found.count >= 8)
        #expect(!found.contains { "\($0)".contains("hunter2") })
      }
    }

    @Test func manyDifferencesAreCounted() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.open(session: 1)
        for number in 1...500 {
          log.begin(session: 1, statement: UInt64(number), "SELECT 1")
          log.end(session: 1, statement: UInt64(number))
        }
        _ = try await store.ingest(log.batch())
        try await store.tamper("DELETE FROM sallyport.statement")
        let compared = try await store.compared()
        #expect(compared.findings.count == FindingList.maximum)
        #expect(compared.tables.findings == FindingList.maximum)
        #expect(compared.tables.leftOut == 400)
      }
    }

    @Test func whatAHigherEpochSettledAndALateEndCorrectedIsSound() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var old = LogWriter(agent: 1)
        old.openLog()
        old.beginWork(session: 1)
        old.beginWork(session: 2)
        _ = try await store.ingest(old.batch())
        // What is still to come of the old epoch was written before the new one began.
        old.end(session: 1, statement: 1)
        old.close(session: 1, statements: 1)
        old.beginWork(session: 3)
        let late = old.batch()
        var new = LogWriter(agent: 1, epoch: 2, startingAt: 60)
        new.openLog()
        new.beginWork(session: 4)
        _ = try await store.ingest(new.batch())
        #expect(try await store.compared().findings == [])
        #expect(try await store.ingest(late) == .stored(nextSeq: old.nextSeq))
        #expect(try await store.compared().findings == [])
        // The late end is in the row, and nobody may take it out again.
        try await store.tamper(
          "UPDATE sallyport.statement SET end_seq = NULL, outcome = 'unknown' WHERE end_seq > 0")
        #expect(
          try await store.compared().findings.map(\.message).first?.contains("end_seq") == true)
      }
    }

    @Test func longTextsAndRestartsAreSound() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.openLog()
        log.chunk(0, of: "SELECT a long text")
        _ = try await store.ingest(log.batch())
        log.chunk(1, of: "SELECT a long text")
        log.chunk(2, of: "SELECT a long text")
        log.chunk(0, of: "SELECT another one that is never whole")
        log.beginWork(session: 1)
        _ = try await store.ingest(log.batch())
        log.openLog()
        log.beginWork(session: 2)
        log.closeLog()
        _ = try await store.ingest(log.batch())
        let compared = try await store.compared()
        #expect(compared.findings == [])
        #expect(compared.tables.texts == 3)
        try await store.tamper("DELETE FROM sallyport.statement_text WHERE text LIKE '%long text'")
        #expect(try await store.compared().findings.count == 1)
      }
    }

    @Test func recordsThatCannotBeReadAskForNoRow() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.write(raw: [1, 2, 3])
        log.write(raw: [])
        log.session(1, ["SELECT 1"])
        log.end(session: 9, statement: 4)
        log.close(session: 8, statements: 0)
        _ = try await store.ingest(log.batch())
        #expect(try await store.compared().findings == [])
      }
    }

    @Test func ingestGoesOnMeanwhile() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.openLog()
        // More than a step reads.
        for number in 0..<9 {
          log.beginWork(session: UInt64(10 + number))
          log.beat(1000)
          _ = try await store.ingest(log.batch())
        }
        let writer = Mutex((log: log, next: UInt64(10)))
        let compared = try await store.compared {
          let batch: ShippedBatch? = writer.withLock { state in
            guard state.next < 19 else { return nil }
            state.log.end(session: state.next, statement: 1)
            state.log.close(session: state.next, statements: 1)
            state.log.beginWork(session: state.next + 100)
            state.next += 1
            return state.log.batch()
          }
          if let batch { _ = try await store.ingest(batch) }
        }
        #expect(compared.findings == [])
        #expect(compared.tables.records > 9000)
        #expect(try await store.compared().findings == [])
      }
    }

    @Test func anEpochThatBeginsMeanwhileBeginsTheComparisonAnew() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.openLog()
        log.beginWork(session: 1)
        for _ in 0..<5 {
          log.beat(2000)
          _ = try await store.ingest(log.batch())
        }
        let old = Mutex(log)
        let calls = Mutex(0)
        let compared = try await store.compared {
          let call = calls.withLock { count in
            count += 1
            return count
          }
          // The first calls are of the control plane's own log.
          guard call == 4 else { return }
          var new = LogWriter(agent: 1, epoch: 2, startingAt: 20_000)
          new.openLog()
          new.beginWork(session: 4)
          _ = try await store.ingest(new.batch())
          let late = old.withLock { log in
            log.end(session: 1, statement: 1)
            return log.batch()
          }
          _ = try await store.ingest(late)
        }
        #expect(calls.withLock { $0 } > 6)
        #expect(compared.findings == [])
      }
    }

    @Test func onlyTheAgentsThatAreAskedForAreCompared() async throws {
      try await withStore { store in
        try await Self.filled(store)
        try await store.tamper(
          "DELETE FROM sallyport.statement WHERE agent = '\(identifier(2))'")
        #expect(try await store.compared(of: [AgentID(identifier(1))]).findings == [])
        let found = try await store.compared(of: [AgentID(identifier(2))]).findings
        #expect(found.map(\.log) == [LogWriter(agent: 2).log])
      }
    }
  }
}
