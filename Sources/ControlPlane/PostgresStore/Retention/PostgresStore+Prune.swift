internal import AuditLog
package import ControlCore
internal import GatewayModel

extension PostgresStore {
  /// The key of the advisory lock that a day is removed under: "sprun" in ASCII.
  private static let pruneLock: Int64 = 0x73_70_72_75_6E

  /// If the program crashed before COMMIT, the day is there with all of its records and no entry
  /// says otherwise; after it, the day is gone and the caller finds that it is not listed any more.
  package func prune(
    _ day: UTCDay, check: @escaping @Sendable (PrunableDay) throws -> Void,
    entry: @escaping @Sendable (PrunableDay) -> ControlLogEntry
  ) async throws(ControlError) -> PrunedDay {
    try await transact("removing the day \(day) of the trail") { session in
      try session.execute("SELECT pg_advisory_xact_lock($1)", [.integer(Self.pruneLock)])
      try session.script("SET LOCAL statement_timeout = '10min'")
      // No rule changes from here on.
      try session.script("LOCK TABLE sallyport.retention, sallyport.legal_hold IN SHARE MODE")
      try Self.checkOldest(day, session)
      let found = PrunableDay(
        stored: try Self.stored(day, session), rules: try Self.rules(session),
        logs: try Self.prunedLogs(day, session))
      try check(found)
      let sessions = try Self.removeSessions(day, session)
      try Self.note(found.logs, session)
      try record(in: session)
      try Self.append(entry(found), session)
      // Last: from here on nobody stores or reads a record until the end.
      try session.execute("SELECT sallyport.drop_day($1::date)", [.text("\(day)")])
      return PrunedDay(
        records: found.stored.records, statements: found.stored.statements, sessions: sessions)
    }
  }

  private static func checkOldest(_ day: UTCDay, _ session: PostgresSession) throws {
    guard try isStored(day, session) else { throw RetentionService.unknown(day) }
    let oldest = try session.row("SELECT min(day)::text FROM sallyport.stored_days()") {
      row throws(PostgresError) in try row.text()
    }
    guard oldest == "\(day)" else {
      throw ControlError(
        .conflict, "The day \(day) stays, since the day \(oldest ?? "") before it is there.",
        remedy: "Days go from the oldest on.")
    }
  }

  /// What the day has of each agent's log, which must go on where the last removed day ended.
  private static func prunedLogs(
    _ day: UTCDay, _ session: PostgresSession
  ) throws -> [RetentionPruneRecord.PrunedLog] {
    let parts = try session.rows(
      """
      SELECT d.agent, d.epoch, d.lane, d.first, d.next, d.count, coalesce(p.next_seq, 0),
        EXISTS (SELECT FROM sallyport.record r
          WHERE r.agent = d.agent AND r.epoch = d.epoch AND r.lane = d.lane AND r.seq < d.next
            AND r.received_at >= $2)
      FROM (
        SELECT agent, epoch, lane, min(seq) AS first, max(seq) + 1 AS next, count(*) AS count
        FROM sallyport.record WHERE received_at >= $1 AND received_at < $2
          AND agent NOT IN (SELECT id FROM sallyport.control_plane)
        GROUP BY agent, epoch, lane
      ) d LEFT JOIN sallyport.pruned_log p USING (agent, epoch, lane)
      ORDER BY d.agent, d.epoch, d.lane
      """, bounds(day)
    ) { row throws(PostgresError) in try DayOfLog(reading: &row) }
    return try parts.map { part in
      guard part.isUnbroken else {
        throw ControlError(
          .conflict,
          "The day \(day) stays: it has \(part.count) records of the log \(part.log) from "
            + "\(part.first) to \(part.next - 1), and \(part.expected) is the first that was not "
            + "removed.",
          remedy: "Run `sallyport audit verify`, which names what is missing.")
      }
      return RetentionPruneRecord.PrunedLog(
        log: part.log, firstSeq: part.first, nextSeq: part.next,
        frontier: try hashes(of: MerkleProof.subtrees(of: 0..<part.next), part.log, session))
    }
  }

  private static func note(
    _ logs: [RetentionPruneRecord.PrunedLog], _ session: PostgresSession
  ) throws(PostgresError) {
    try session.execute(
      """
      INSERT INTO sallyport.pruned_log (agent, epoch, lane, next_seq)
      SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[])
      ON CONFLICT (agent, epoch, lane) DO UPDATE SET next_seq = excluded.next_seq
      """,
      [
        .identifiers(logs.map(\.log.agent.value)),
        .integers(logs.map { Int64(clamping: $0.log.epoch) }),
        .integers(logs.map { Int64($0.log.lane) }),
        .integers(logs.map { Int64(clamping: $0.nextSeq) }),
      ])
  }

  /// Removes the sessions whose last record is of the day and that have no statement behind it.
  private static func removeSessions(
    _ day: UTCDay, _ session: PostgresSession
  ) throws(PostgresError) -> Int64 {
    let closed = try session.rows(
      """
      DELETE FROM sallyport.session s USING (
        SELECT DISTINCT agent, session FROM sallyport.record
        WHERE received_at >= $1 AND received_at < $2 AND kind = 'session.close'
      ) c
      WHERE s.id = c.session AND s.agent = c.agent AND s.closed_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM sallyport.statement t
          WHERE t.session = s.id AND t.agent = s.agent AND t.received_at >= $2)
        AND NOT EXISTS (SELECT FROM sallyport.pending_statement t
          WHERE t.session = s.id AND t.agent = s.agent)
      RETURNING s.id
      """, bounds(day), { row throws(PostgresError) in try row.identifier() })
    return Int64(closed.count)
  }
}

/// What one day has of one log.
private struct DayOfLog {
  let log: LogID
  let first: UInt64
  let next: UInt64
  let count: UInt64
  /// The first that was not removed before.
  let expected: UInt64
  let isElsewhere: Bool

  init(reading row: inout RowReader) throws(PostgresError) {
    log = LogID(
      agent: AgentID(try row.identifier()), epoch: try row.unsigned(),
      lane: UInt32(clamping: try row.integer()))
    first = try row.unsigned()
    next = try row.unsigned()
    count = try row.unsigned()
    expected = try row.unsigned()
    isElsewhere = try row.bool()
  }

  /// Whether the day's records are all there are up to its last.
  var isUnbroken: Bool {
    first == expected && next > first && count == next - first && !isElsewhere
  }
}
