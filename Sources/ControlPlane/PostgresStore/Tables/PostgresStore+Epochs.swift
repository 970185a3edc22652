internal import AuditLog
internal import GatewayModel

// An agent whose record folder was damaged or lost goes on in a higher epoch and writes no more in
// the lower ones, in none of their lanes. What was under way there will not end, so it is settled as
// soon as the higher epoch begins. A backlog of the lower epochs can still arrive after that, for
// hours: each of its batches is settled by itself, and an end in it corrects the statement that was
// settled before.
extension PostgresStore {
  /// An epoch that an agent has gone on with.
  struct Epoch: Sendable {
    var number: UInt64
    /// By the agent's clock.
    var beganAt: WallTime
  }

  /// The first part of the advisory locks' keys: "SPEP" in ASCII. Two-part keys have nothing in
  /// common with the one-part keys of ``TrailHorizon``.
  private static let epochLockTag: Int32 = 0x5350_4550

  /// Holds batches of an agent apart from a batch that may begin an epoch of it.
  ///
  /// Otherwise a batch of a lower epoch that does not see the higher one yet could store what is
  /// under way after the higher one has settled everything, and nothing would settle it. Taken
  /// before the cursor's lock. Two agents of the same key wait for each other and nothing more.
  static func lockEpochs(
    of agent: AgentID, alone: Bool, _ session: PostgresSession
  ) throws(PostgresError) {
    try session.execute(
      "SELECT pg_advisory_xact_lock\(alone ? "" : "_shared")($1, $2)",
      [
        .integer32(epochLockTag), .integer32(Int32(truncatingIfNeeded: agent.value.low)),
      ])
  }

  /// The highest epoch above that of a log of which the agent has sent something.
  static func newerEpoch(
    than log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> Epoch? {
    try session.row(
      """
      SELECT epoch, coalesce(began_at, received_at) AS began FROM sallyport.log_cursor
      WHERE agent = $1 AND epoch > $2 AND next_seq > 0
      ORDER BY epoch DESC, began LIMIT 1
      """, [.identifier(log.agent.value), .number(log.epoch)]
    ) { row throws(PostgresError) in
      Epoch(number: try row.unsigned(), beganAt: try row.time())
    }
  }

  /// Takes back the statements that were settled when a higher epoch began and that records of the
  /// lower one end after all; stored again, each comes a second time to those who follow.
  static func takeSettledEarly(
    _ records: [DecodedRecord], _ log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> [StatementRow] {
    let ended = EndedStatements(records)
    guard !ended.isEmpty else { return [] }
    return try session.rows(
      """
      DELETE FROM sallyport.statement s
      WHERE (s.session, s.statement) IN (SELECT * FROM unnest($1::uuid[], $2::bigint[]))
        AND s.agent = $3 AND s.epoch = $4 AND s.lane = $5
        AND s.kind = 'statement' AND s.outcome = 'unknown' AND s.end_seq IS NULL
      RETURNING \(StatementRow.columnNames.map { "s.\($0)" }.joined(separator: ", "))
      """,
      [
        .identifiers(ended.sessions), .integers(ended.statements),
        .identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane)),
      ],
      { row throws(PostgresError) in try StatementRow(reading: &row) })
  }

  /// Settles what is under way in an agent's epochs below one, in all of their lanes.
  ///
  /// - Parameters:
  ///   - position: That of the batch.
  ///   - firstOrdinal: The first that no statement of the batch has.
  static func endEpochs(
    of agent: AgentID, before epoch: Epoch, position: Int64, firstOrdinal: Int64,
    _ receivedAt: WallTime, _ session: PostgresSession
  ) throws(PostgresError) {
    let earlier: [SQLValue] = [.identifier(agent.value), .number(epoch.number)]
    try session.execute(
      """
      UPDATE sallyport.session
      SET closed_at = greatest($3, opened_at), close_reason = 'agent_stopped', close_message = ''
      WHERE agent = $1 AND epoch < $2 AND closed_at IS NULL
      """, earlier + [.time(epoch.beganAt)])
    let settled = StatementRow.columnNames.map { name in
      switch name {
      case "position": "$3"
      case "ordinal": "$4 - 1 + row_number() OVER (ORDER BY p.epoch, p.lane, p.seq)"
      case "received_at": "$5"
      default: "p.\(name)"
      }
    }
    try session.execute(
      """
      WITH p AS (
        DELETE FROM sallyport.pending_statement WHERE agent = $1 AND epoch < $2 RETURNING *
      )
      INSERT INTO sallyport.statement (\(StatementRow.columns))
      SELECT \(settled.joined(separator: ", ")) FROM p
      """,
      earlier + [.integer(position), .integer(firstOrdinal), .time(receivedAt)])
    // A backlog may still have the rest of a text; what has not come in a month does not come.
    try session.execute(
      """
      DELETE FROM sallyport.statement_text_chunk t USING sallyport.log_cursor c
      WHERE t.agent = $1 AND t.epoch < $2
        AND c.agent = t.agent AND c.epoch = t.epoch AND c.lane = t.lane
        AND c.received_at < clock_timestamp() - interval '30 days'
      """, earlier)
  }
}
