import APIModel
import AuditLog
import ControlCore
import GatewayModel
import Testing

@testable import PostgresStore

extension DatabaseTests {
  /// What is counted of the stored records.
  @Suite struct Completeness {
    private static func spans(
      _ store: PostgresStore, _ query: CompletenessQuery = CompletenessQuery()
    ) async throws -> [LogID: LogSpan] {
      var spans: [LogID: LogSpan] = [:]
      for part in try await store.trailParts(query) {
        for span in try await store.spans(of: part, query) {
          if spans[span.log]?.join(span) == nil { spans[span.log] = span }
        }
      }
      return spans
    }

    private static func filled(_ store: PostgresStore) async throws -> LogWriter {
      _ = try await store.enrol(agent: 1)
      var log = LogWriter(agent: 1)
      for _ in 0..<50 { log.write(HeartbeatRecord(openSessions: 0, backlogRecords: 0)) }
      log.write(
        LossRecord(
          reason: "host_restart", firstLostSeq: 50, lostAtMost: 7, from: time(50), to: time(51)))
      _ = try await store.ingest(log.batch())
      for _ in 0..<50 { log.write(HeartbeatRecord(openSessions: 0, backlogRecords: 0)) }
      _ = try await store.ingest(log.batch())
      return log
    }

    /// Lets the records be changed, as somebody with all rights can.
    private static func unlock(_ store: PostgresStore) async throws {
      let tables = try await store.transact("testing") { session in
        try session.rows(
          """
          SELECT inhrelid::regclass::text FROM pg_inherits
          WHERE inhparent = 'sallyport.record'::regclass
          """
        ) { row throws(PostgresError) in try row.text() }
      }
      for table in tables + ["sallyport.record"] {
        try await store.run("ALTER TABLE \(table) DISABLE TRIGGER ALL")
      }
    }

    @Test func `a whole log has no gaps, and losses are told`() async throws {
      try await withStore { store in
        let log = try await Self.filled(store)
        let span = try #require(try await Self.spans(store)[log.log])
        #expect(span.first == 0 && span.last == 100 && span.count == 101)
        #expect(span.gaps == [])
        #expect(span.firstAt == time(0) && span.lastAt == time(100))
        // A second between any two.
        #expect(
          span.silence.map { $0.to.unixNanoseconds - $0.from.unixNanoseconds } == 1_000_000_000)
        let state = try #require(try await store.logStates(CompletenessQuery()).first)
        #expect(state.expected == 0..<101)
        #expect(state.name == "host1")
        #expect(state.beganAt == time(0))
        #expect(state.prunedBefore == 0 && state.quarantinedAt == nil)
        let losses = try await store.losses(CompletenessQuery(), limit: 10)
        #expect(losses.map(\.seq) == [50])
        #expect(try await store.losses(CompletenessQuery(), limit: 0) == [])
        let other = CompletenessQuery(agents: [AgentID(identifier(2))])
        #expect(try await store.logStates(other) == [])
        #expect(try await Self.spans(store, other) == [:])
      }
    }

    @Test func `what is removed, at the ends too, is a gap with a silence`() async throws {
      try await withStore { store in
        let log = try await Self.filled(store)
        try await Self.unlock(store)
        try await store.run(
          "DELETE FROM sallyport.record WHERE seq < 2 OR seq BETWEEN 20 AND 29 OR seq > 97")
        let span = try #require(try await Self.spans(store)[log.log])
        let state = try #require(try await store.logStates(CompletenessQuery()).first)
        #expect(state.expected == 0..<101)
        #expect(span.gaps == [20..<30])
        #expect(span.first == 2 && span.last == 97 && span.count == 86)
        #expect(span.silence == LogSpan.Silence(from: time(19), to: time(30)))
      }
    }

    @Test func `a period is bounded by what is stored around it`() async throws {
      try await withStore { store in
        let log = try await Self.filled(store)
        let middle = try await store.transact("testing") { session in
          try session.row("SELECT max(received_at) FROM sallyport.record") {
            row throws(PostgresError) in try row.time()
          }
        }
        let bound = try #require(middle)
        let later = CompletenessQuery(since: bound)
        #expect(try await store.logStates(later).first?.expected == 51..<101)
        #expect(try await Self.spans(store, later)[log.log]?.count == 50)
        let earlier = CompletenessQuery(until: bound)
        #expect(try await store.logStates(earlier).first?.expected == 0..<51)
        #expect(try await Self.spans(store, earlier)[log.log]?.last == 50)
        #expect(try await store.losses(later, limit: 9) == [])
        // Beyond everything nothing is expected.
        let none = CompletenessQuery(
          since: WallTime(
            unixNanoseconds: bound.unixNanoseconds + 3_600_000_000_000))
        #expect(try await store.logStates(none).first?.expected == 101..<101)
        #expect(try await Self.spans(store, none)[log.log] == nil)
      }
    }
  }
}
