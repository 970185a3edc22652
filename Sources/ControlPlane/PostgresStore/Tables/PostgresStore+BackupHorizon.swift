package import ControlCore
package import GatewayModel

extension PostgresStore: BackupStore {
  package func setBackupHorizon(_ time: WallTime) async throws(ControlError) -> Int {
    // What is said and who said it first; then log by log, so that no shipment waits for all of them.
    try await transact("setting the backup horizon") { session in
      try Self.noteHorizon(time, session)
      try record(in: session)
    }
    let logs = try await transact("listing the logs behind the backup horizon") { session in
      try session.rows("SELECT agent, epoch, lane FROM sallyport.log_cursor ORDER BY 1, 2, 3") {
        row throws(PostgresError) in
        LogID(
          agent: AgentID(try row.identifier()), epoch: try row.unsigned(),
          lane: UInt32(clamping: try row.integer()))
      }
    }
    for log in logs {
      try await transact("setting the backup horizon of \"\(log)\"") { session in
        // Read before the lock and in one snapshot: a record that arrives between the two is behind
        // what is written, never in front of it.
        let first = try Self.firstBehind(time, of: log, session)
        try session.execute(
          """
          UPDATE sallyport.log_cursor SET horizon_seq = $4
          WHERE agent = $1 AND epoch = $2 AND lane = $3
          """, Self.key(log) + [.number(first)])
      }
    }
    return logs.count
  }

  private static func noteHorizon(_ time: WallTime, _ session: PostgresSession) throws {
    let isFuture = try session.row(
      "SELECT $1 > clock_timestamp()", [.time(time)]
    ) { row throws(PostgresError) in try row.bool() }
    guard isFuture == false else {
      throw ControlError(
        .invalid, "The backup horizon \(TimeText.text(time)) has not come yet.",
        remedy: "Give the time at which the backup began.")
    }
    try session.execute(
      """
      INSERT INTO sallyport.backup_horizon (covers_until, set_at)
      VALUES ($1, clock_timestamp())
      ON CONFLICT (single) DO UPDATE
        SET covers_until = excluded.covers_until, set_at = excluded.set_at
      """, [.time(time)])
  }

  /// The first record of a log that was received at or after a time; the log's end when there is none.
  private static func firstBehind(
    _ time: WallTime, of log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> UInt64 {
    // 0 would say that there is no backup; agents keep whole segments, so 1 keeps record 0 too.
    try session.row(
      """
      SELECT greatest(1, coalesce((
        SELECT r.seq FROM sallyport.record r
        WHERE r.agent = c.agent AND r.epoch = c.epoch AND r.lane = c.lane
          AND r.received_at >= $4
        ORDER BY r.seq LIMIT 1), c.next_seq))
      FROM sallyport.log_cursor c WHERE c.agent = $1 AND c.epoch = $2 AND c.lane = $3
      """, key(log) + [.time(time)]
    ) { row throws(PostgresError) in try row.unsigned() } ?? 1
  }
}
