import AuditLog
import Foundation
import GatewayModel
import Testing

@testable import PostgresStore

/// What a batch means, without a database.
@Suite struct ProjectionTests {
  private static let log = LogID(agent: AgentID(identifier(1)), epoch: 1, lane: 0)

  private static func pending(session: UInt64, statement: UInt64, seq: UInt64) -> StatementRow {
    var row = StatementRow(log: log, seq: seq, kind: "statement", at: time(0))
    row.session = identifier(session)
    row.statement = statement
    return row
  }

  private static func close(session: UInt64, reason: String = "x") throws -> DecodedRecord {
    try record(SessionCloseRecord(reason: reason, statements: 1), session: session)
  }

  private static func record(
    _ body: some RecordBody, session: UInt64?
  ) throws -> DecodedRecord {
    let bytes = RecordEncoder.encode(
      body,
      header: RecordHeader(
        seq: 0, time: time(0), session: session.map { SessionID(identifier($0)) }))
    return try RecordDecoder.decode(Data(bytes))
  }

  private static func projection(_ pending: [StatementRow]) -> BatchProjection {
    BatchProjection(log: log, position: 1, receivedAt: time(0), pending: pending)
  }

  @Test func closeSettlesItsOwnStatementsInOrderAndNoOthers() throws {
    var projection = Self.projection([
      Self.pending(session: 1, statement: 2, seq: 9),
      Self.pending(session: 2, statement: 1, seq: 5),
      Self.pending(session: 1, statement: 1, seq: 3),
    ])
    projection.take(try Self.close(session: 1))
    #expect(projection.settled.map(\.seq) == [3, 9])
    #expect(projection.settled.map(\.ordinal) == [0, 1])
    #expect(projection.settled.allSatisfy { $0.outcome == "unknown" })
    #expect(projection.pendingRows.map(\.seq) == [5])
    // A refusal that comes late still finds its statement.
    projection.take(
      try Self.record(
        RefusalRecord(reason: "policy", detail: "", statement: StatementID(2)), session: 1))
    #expect(projection.settled.map(\.outcome) == ["unknown", "refused"])
  }

  @Test func restartSettlesAllInOrder() throws {
    var projection = Self.projection(
      (UInt64(0)..<100).map { Self.pending(session: $0 % 7, statement: $0, seq: 100 - $0) })
    projection.take(
      try Self.record(
        LogOpenRecord(log: Self.log, agentVersion: "0.1", host: "h", continued: true),
        session: nil))
    #expect(projection.settled.map(\.seq) == Array(1...100))
    #expect(projection.pendingRows.isEmpty)
  }

  @Test func ofSeveralClosesTheLastCounts() throws {
    var projection = Self.projection([])
    projection.take(try Self.close(session: 1, reason: "first"))
    projection.take(try Self.close(session: 1, reason: "last"))
    #expect(projection.closed.values.map(\.record.reason) == ["last"])
  }

  @Test func costGrowsWithTheRecordsAndNotWithTheirSquare() throws {
    func cost(_ sessions: UInt64) throws -> Double {
      let rows = (0..<sessions).map { Self.pending(session: $0, statement: 1, seq: $0) }
      let closes = try (0..<sessions).map { try Self.close(session: $0) }
      return (0..<3).map { _ in
        var projection = Self.projection(rows)
        let start = threadSeconds()
        for close in closes { projection.take(close) }
        let end = threadSeconds()
        #expect(projection.settled.count == Int(sessions))
        return end - start
      }.min() ?? 0
    }
    // Four times the records: linear is four times the cost, quadratic sixteen times.
    let (few, many) = (try cost(4000), try cost(16_000))
    #expect(many < 9 * few, "\(few) s for 4000 sessions, \(many) s for 16000")
  }

  /// The processor time of this thread: what else the machine does counts little.
  private func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
