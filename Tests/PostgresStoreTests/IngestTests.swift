import AuditLog
import ControlCore
import Foundation
import GatewayModel
import TestSupport
import Testing

@testable import PostgresStore

extension DatabaseTests {
  @Suite struct Ingest {
    @Test func batchIsStoredByteForByte() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.session(10, ["SELECT 1"])
        let batch = log.batch()
        #expect(try await store.ingest(batch) == .stored(nextSeq: 5))
        let stored = try await store.transact("testing") { session in
          try session.rows("SELECT bytes FROM sallyport.record ORDER BY seq") {
            row throws(PostgresError) in Data(try row.bytes())
          }
        }
        #expect(stored == batch.records)
      }
    }

    @Test func sameBatchOverlapAndGapAnswerTheCursor() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.session(10, ["SELECT 1", "SELECT 2"])
        var longer = log
        let batch = log.batch()
        let count = UInt64(batch.records.count)
        let answer = IngestAnswer.wrongCursor(nextSeq: count, checkpoint: batch.checkpoint)
        #expect(try await store.ingest(batch) == .stored(nextSeq: count))
        #expect(try await store.ingest(batch) == answer)

        longer.session(11, ["SELECT 3"])
        #expect(try await store.ingest(longer.batch()) == answer)
        #expect(try await store.ingest(batch.moved(to: count + 1)) == answer)
        #expect(
          try await store.number("SELECT count(*) FROM sallyport.record") == Int(count))
      }
    }

    @Test func firstBatchMustBeginAtZero() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.session(10, ["SELECT 1"])
        #expect(try await store.ingest(log.batch().moved(to: 7)) == .wrongCursor(nextSeq: 0))
      }
    }

    @Test func ofManySendersOfOneBatchOneStoresIt() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.session(10, (0..<50).map { "SELECT \($0)" })
        let batch = log.batch()
        let answers = try await withThrowingTaskGroup(of: IngestAnswer.self) { group in
          for _ in 0..<16 { group.addTask { try await store.ingest(batch) } }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        let next = UInt64(batch.records.count)
        #expect(answers.filter { $0 == .stored(nextSeq: next) }.count == 1)
        #expect(answers.filter { $0.wrongCursorSeq == next }.count == 15)
        #expect(try await store.number("SELECT count(*) FROM sallyport.record") == Int(next))
        #expect(try await store.number("SELECT count(*) FROM sallyport.statement") == 50)
      }
    }

    @Test func unreadableRecordsAreKeptAndTheRestIsRead() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.open(session: 10)
        log.write(raw: [0xFF, 0xFF, 0xFF])
        log.write(raw: [])
        // A record that says another seq than its place.
        log.write(
          raw: RecordEncoder.encode(
            HeartbeatRecord(openSessions: 1, backlogRecords: 0),
            header: RecordHeader(seq: 99, time: time(0))))
        log.text("SELECT 1")
        log.begin(session: 10, statement: 1, "SELECT 1")
        log.end(session: 10, statement: 1)
        #expect(try await store.ingest(log.batch()) == .stored(nextSeq: 7))
        #expect(
          try await store.number(
            "SELECT count(*) FROM sallyport.record WHERE kind = 'unknown'") == 3)
        #expect(try await store.statements(StatementQuery()).items.count == 1)
      }
    }

    @Test func extremeValuesDoNotStopALog() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1, epoch: .max / 2, lane: .max)
        // Letters without a pattern: what can be compressed fits an index after all.
        var random = SplitMix64(seed: 7)
        let long = String(
          (0..<5000).map { _ in "aäbcdefgüh一二三".randomElement(using: &random) ?? "x" })
        log.open(session: 10, principal: "a\u{0}b\(long)", connection: long)
        log.begin(
          session: 10, statement: .max, "SELECT 1",
          parameters: [
            BoundParameter(typeOID: 25, value: .text("zero \u{0} inside")),
            BoundParameter(typeOID: .max, value: .binary([0, 255])),
            BoundParameter(typeOID: 0, value: .null),
          ])
        log.end(session: 10, statement: .max, rows: .max)
        log.write(
          RefusalRecord(
            reason: "no_grant", detail: long, subject: long, connection: "x\u{0}y\(long)",
            groups: ["\u{0}"]))
        log.write(
          StatementTextRecord(
            digest: StatementDigest(of: [0xC3, 0x28, 0x00]), chunk: 0, isLast: true,
            text: [0xC3, 0x28, 0x00]))
        #expect(try await store.ingest(log.batch()) == .stored(nextSeq: 5))
        let items = try await store.statements(StatementQuery()).items
        #expect(items.count == 2)
        let parameters = items.first { $0.kind == "statement" }?.parameters ?? []
        #expect(parameters.map(\.text) == ["zero \u{FFFD} inside", nil, nil])
        #expect(parameters.map(\.binary) == [nil, "AP8=", nil])
      }
    }

    @Test func valueThatTheTablesRefuseStillLeavesTheEvidence() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        try await store.run("ALTER TABLE sallyport.session ADD CHECK (principal <> 'mallory')")
        var log = LogWriter(agent: 1)
        log.open(session: 10, principal: "mallory")
        #expect(try await store.ingest(log.batch()) == .stored(nextSeq: 1))
        #expect(try await store.number("SELECT count(*) FROM sallyport.record") == 1)
        #expect(try await store.number("SELECT count(*) FROM sallyport.session") == 0)
      }
    }

    @Test(arguments: [
      "UPDATE sallyport.record SET kind = 'x'", "DELETE FROM sallyport.record",
      "TRUNCATE sallyport.record",
      "SET session_replication_role = replica; DELETE FROM sallyport.record",
    ])
    func recordsCannotBeChanged(sql: String) async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.open(session: 10)
        _ = try await store.ingest(log.batch())
        let error = await #expect(throws: ControlError.self) {
          try await store.transact("tampering") { session in try session.script(sql) }
        }
        #expect(error?.message.contains("append-only") == true)
        #expect(try await store.number("SELECT count(*) FROM sallyport.record") == 1)
      }
    }

    @Test func longTextIsAssembledFromChunksOfSeveralBatches() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        let text = Array("SELECT '".utf8) + [UInt8](repeating: 0x78, count: 600_000)
        let digest = StatementDigest(of: text)
        for (chunk, start) in stride(from: 0, to: text.count, by: 250_000).enumerated() {
          let end = min(text.count, start + 250_000)
          log.write(
            StatementTextRecord(
              digest: digest, chunk: UInt32(chunk), isLast: end == text.count,
              text: Array(text[start..<end])))
          _ = try await store.ingest(log.batch())
        }
        #expect(
          try await store.number(
            "SELECT sum(octet_length(text))::bigint FROM sallyport.statement_text")
            == text.count)
        #expect(try await store.number("SELECT count(*) FROM sallyport.statement_text_chunk") == 0)
      }
    }

    @Test func textUnderAnotherTextsDigestIsNotTaken() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.write(
          StatementTextRecord(
            digest: StatementDigest(of: Array("DELETE FROM orders".utf8)), chunk: 0, isLast: true,
            text: Array("SELECT 1".utf8)))
        log.text("SELECT 2")
        _ = try await store.ingest(log.batch())
        #expect(try await store.number("SELECT count(*) FROM sallyport.statement_text") == 1)
      }
    }

    @Test func agentsStoreTheSameTextsAtOnce() async throws {
      try await withStore { store in
        for agent in 1...4 { _ = try await store.enrol(agent: UInt64(agent)) }
        let texts = (0..<300).map { "SELECT \($0) FROM orders" }
        try await withThrowingTaskGroup(of: Void.self) { group in
          for agent in UInt64(1)...4 {
            group.addTask {
              var log = LogWriter(agent: agent)
              log.session(agent, texts.shuffled())
              _ = try await store.ingest(log.batch())
            }
          }
          try await group.waitForAll()
        }
        #expect(try await store.number("SELECT count(*) FROM sallyport.statement_text") == 300)
        #expect(try await store.number("SELECT count(*) FROM sallyport.statement") == 1200)
      }
    }
  }
}
