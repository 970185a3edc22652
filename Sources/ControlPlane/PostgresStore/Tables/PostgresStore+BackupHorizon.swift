package import ControlCore
package import GatewayModel

extension PostgresStore {
  /// Notes that a backup has everything that was received before a time: agents keep what came
  /// later, and send it again when the backup is what the control plane goes on with.
  ///
  /// - Returns: How many logs go on behind it.
  /// - Throws: `invalid` for a time that has not come yet by the database's clock.
  package func setBackupHorizon(_ time: WallTime) async throws(ControlError) -> Int {
    try await transact("setting the backup horizon") { session in
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
      // 0 would say that there is no backup; agents keep whole segments, so 1 keeps record 0 too.
      return try session.execute(
        """
        UPDATE sallyport.log_cursor c SET horizon_seq = greatest(1, coalesce((
          SELECT r.seq FROM sallyport.record r
          WHERE r.agent = c.agent AND r.epoch = c.epoch AND r.lane = c.lane
            AND r.received_at >= $1
          ORDER BY r.seq LIMIT 1), c.next_seq))
        """, [.time(time)])
    }
  }
}
