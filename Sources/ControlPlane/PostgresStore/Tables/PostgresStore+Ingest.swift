package import ControlCore
import Foundation
internal import GatewayModel

extension PostgresStore: AuditStore {
  /// Stores a batch under the lock of its log's cursor.
  ///
  /// If the program crashed before COMMIT, nothing is stored and the agent sends the batch again;
  /// after it, the agent's next try finds the cursor behind the batch and is told so.
  package func ingest(_ batch: ShippedBatch) async throws(ControlError) -> IngestAnswer {
    // Read before a connection is taken, so that no lock is held for it.
    let records = batch.records.enumerated().map { index, bytes in
      ReceivedRecord(seq: batch.fromSeq &+ UInt64(index), bytes: bytes)
    }
    if let first = records.first(where: { $0.decoded == nil }) {
      logger.error(
        "audit records cannot be read and are kept as they are",
        metadata: [
          "log": "\(batch.log)", "first": "\(first.seq)",
          "count": "\(records.count { $0.decoded == nil })",
        ])
    }
    do {
      return try await ingest(batch, records, reading: true)
    } catch {
      // No value that a record can hold should fail here. If one does after all, the evidence must
      // not stay at the agent for ever: the records are stored without what is read out of them.
      guard error.code == .internal else { throw error }
      logger.error(
        "records are stored without being read",
        metadata: ["log": "\(batch.log)", "from": "\(batch.fromSeq)", "error": "\(error)"])
      return try await ingest(batch, records, reading: false)
    }
  }

  private func ingest(
    _ batch: ShippedBatch, _ records: [ReceivedRecord], reading: Bool
  ) async throws(ControlError) -> IngestAnswer {
    let log = batch.log
    let opensLog = records.contains { $0.decoded?.kind == .logOpen }
    return try await transact("storing records of \"\(log)\"") { session in
      try Self.lockEpochs(of: log.agent, alone: opensLog, session)
      let cursor = try Self.lockCursor(log, session)
      guard cursor.nextSeq == batch.fromSeq else { return .wrongCursor(nextSeq: cursor.nextSeq) }

      var copied = CopyRows()
      copied.reserve(batch.records.reduce(0) { $0 + $1.count + 160 })
      for record in records {
        copied.append(record.values(log: log, receivedAt: cursor.receivedAt))
      }
      try session.copy(copied, into: "sallyport.record (\(ReceivedRecord.columns))")
      if reading { try Self.project(records, log, cursor.receivedAt, session) }

      let next = batch.fromSeq + UInt64(records.count)
      try session.execute(
        """
        UPDATE sallyport.log_cursor SET next_seq = $4, checkpoint = $5, received_at = $6
        WHERE agent = $1 AND epoch = $2 AND lane = $3
        """,
        Self.key(log) + [.number(next), .bytes(Array(batch.checkpoint)), .time(cursor.receivedAt)])
      return .stored(nextSeq: next)
    }
  }

  private static func key(_ log: LogID) -> [SQLValue] {
    [.identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane))]
  }

  private struct Cursor {
    var nextSeq: UInt64
    /// The time of this batch by the database's clock; it never falls within a log.
    var receivedAt: WallTime
  }

  private static func lockCursor(
    _ log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> Cursor {
    func locked() throws(PostgresError) -> Cursor? {
      try session.row(
        """
        SELECT next_seq, greatest(clock_timestamp(), received_at) FROM sallyport.log_cursor
        WHERE agent = $1 AND epoch = $2 AND lane = $3 FOR UPDATE
        """, key(log)
      ) { row throws(PostgresError) in
        Cursor(nextSeq: try row.unsigned(), receivedAt: try row.time())
      }
    }
    if let cursor = try locked() { return cursor }
    try session.execute(
      """
      INSERT INTO sallyport.log_cursor (agent, epoch, lane, next_seq, checkpoint, received_at)
      VALUES ($1, $2, $3, 0, '', clock_timestamp()) ON CONFLICT DO NOTHING
      """, key(log))
    guard let cursor = try locked() else {
      throw PostgresError(code: .unexpected, message: "the cursor of the log \"\(log)\" is gone")
    }
    return cursor
  }

  /// Draws the position of a batch in the trail, under the lock that followers look for.
  static func drawPosition(_ session: PostgresSession) throws(PostgresError) -> Int64 {
    try session.execute(
      """
      SELECT pg_advisory_xact_lock_shared(($1::bigint << 48) | last_value)
      FROM sallyport.trail_position
      """, [.integer(TrailHorizon.lockTag)])
    let position = try session.row("SELECT nextval('sallyport.trail_position')") {
      row throws(PostgresError) in try row.integer()
    }
    return position ?? 0
  }
}
