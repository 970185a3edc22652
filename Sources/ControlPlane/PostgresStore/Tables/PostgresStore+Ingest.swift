package import ControlCore
import Foundation
internal import GatewayModel

extension PostgresStore: AuditStore {
  /// Stores a batch under the lock of its log's cursor.
  ///
  /// If the program crashed before COMMIT, nothing is stored and the agent sends the batch again;
  /// after it, the agent's next try finds the cursor behind the batch and is told so.
  /// - Throws: `invalid` when the batch has no checkpoint that fits it; `unavailable` when there is
  ///   no partition for today, or the database is away.
  package func ingest(_ batch: ShippedBatch) async throws(ControlError) -> IngestAnswer {
    let prepared = try PreparedBatch(batch)
    noteUnreadable(prepared)
    let answer: IngestAnswer
    do {
      answer = try await store(prepared, of: batch, reading: true)
    } catch {
      // No value that a record can hold should fail here. If one does after all, the evidence must
      // not stay at the agent for ever: the records are stored without what is read out of them.
      guard error.code == .internal else { throw error }
      logger.error(
        "records are stored without being read",
        metadata: ["log": "\(batch.log)", "from": "\(batch.fromSeq)", "error": "\(error)"])
      answer = try await store(prepared, of: batch, reading: false)
    }
    if case .quarantined(let reason, isNew: true) = answer {
      logger.error(
        "agent quarantined", metadata: ["log": "\(batch.log)", "reason": "\(reason)"])
    }
    return answer
  }

  private func noteUnreadable(_ batch: PreparedBatch) {
    guard let first = batch.records.first(where: { $0.decoded == nil }) else { return }
    logger.error(
      "audit records cannot be read and are kept as they are",
      metadata: [
        "log": "\(batch.log)", "first": "\(first.seq)",
        "count": "\(batch.records.count { $0.decoded == nil })",
      ])
  }

  private func store(
    _ batch: PreparedBatch, of shipped: ShippedBatch, reading: Bool
  ) async throws(ControlError) -> IngestAnswer {
    try await transact("storing records of \"\(batch.log)\"") { session in
      do {
        try Self.lockEpochs(of: batch.log.agent, alone: batch.opensLog, session)
        let cursor = try Self.lockCursor(batch.log, session)
        if let reason = try Self.quarantineReason(batch.log.agent, session) {
          return .quarantined(reason: reason)
        }
        let frontier = try Self.frontier(of: cursor, batch.log, session)
        guard cursor.nextSeq == batch.fromSeq else {
          return try Self.answerOther(batch, of: shipped, cursor, session)
        }
        guard let grown = batch.growth.joined(to: frontier) else {
          throw PostgresError(
            code: .unexpected,
            message: "the Merkle tree of \"\(batch.log)\" has \(frontier.size) leaves, "
              + "and its cursor stands at \(cursor.nextSeq)")
        }
        guard grown.frontier.root == batch.checkpoint.root else {
          throw shipped.refusal(
            "has a checkpoint whose root is not that of the records",
            remedy: "Look for damage in the agent's record log, or for a second writer of it.")
        }
        if let reason = try Self.quarantineSecondWriter(batch, cursor, session) {
          return .quarantined(reason: reason, isNew: true)
        }
        try Self.append(batch, grown, cursor, reading: reading, session)
        return .stored(nextSeq: batch.nextSeq, keepFrom: cursor.horizonSeq)
      } catch let error as PostgresError {
        if let missing = Self.missingPartition(error) { throw missing }
        throw error
      }
    }
  }

  /// Stores the batch where the cursor stands, and moves the cursor.
  private static func append(
    _ batch: PreparedBatch, _ grown: GrownTree, _ cursor: LogCursor, reading: Bool,
    _ session: PostgresSession
  ) throws {
    var rows = batch.rows
    rows.stamp(cursor.receivedAt)
    try session.copy(rows, into: "sallyport.record (\(ReceivedRecord.columns))")
    try extend(grown.tiles, batch.log, session)
    if reading { try project(batch.records, batch.log, cursor.receivedAt, session) }
    try session.execute(
      """
      UPDATE sallyport.log_cursor
      SET next_seq = $4, checkpoint = $5, received_at = $6, frontier = $7, root = $8,
        began_at = CASE WHEN $9 THEN $10 ELSE began_at END, last_at = coalesce($11, last_at)
      WHERE agent = $1 AND epoch = $2 AND lane = $3
      """,
      key(batch.log) + [
        .number(batch.nextSeq), .bytes(batch.note), .time(cursor.receivedAt),
        .bytes(grown.frontier.subtrees.flatMap(\.bytes)), .bytes(grown.frontier.root.bytes),
        .bool(batch.fromSeq == 0),
        .time(batch.records.first?.decoded?.header.time ?? cursor.receivedAt),
        .optional(batch.lastTime),
      ])
  }

  /// Says that a day's partition is missing: nothing is stored then, and agents keep their records.
  private static func missingPartition(_ error: PostgresError) -> ControlError? {
    // 23514 is also that of check constraints, which have a name.
    guard error.sqlstate == "23514", error.constraint.isEmpty else { return nil }
    return ControlError(
      .unavailable, "There is no partition for records that arrive now: \(error.message).",
      remedy: "Run `sallyport-control migrate`, which makes those of the next days, and see why "
        + "`sallyport-control serve` did not; agents keep their records meanwhile.")
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
