package import ControlCore
internal import GatewayModel

extension PostgresStore {
  package func storedDays() async throws(ControlError) -> [UTCDay] {
    try await transact("listing the days of the trail") { session in
      try session.rows(
        """
        SELECT day::text FROM sallyport.stored_days()
        WHERE day <= (clock_timestamp() AT TIME ZONE 'UTC')::date
        """
      ) { row throws(PostgresError) in UTCDay(text: try row.text()) }.compactMap { $0 }
    }
  }

  package func storedDay(
    _ day: UTCDay
  ) async throws(ControlError) -> (StoredDay, RetentionRules)? {
    try await transact("looking at the day \(day) of the trail") { session in
      guard try Self.isStored(day, session) else { return nil }
      return (try Self.stored(day, session), try Self.rules(session))
    }
  }

  static func isStored(_ day: UTCDay, _ session: PostgresSession) throws(PostgresError) -> Bool {
    try session.row(
      "SELECT EXISTS (SELECT FROM sallyport.stored_days() WHERE day::text = $1)",
      [.text("\(day)")], { row throws(PostgresError) in try row.bool() }) ?? false
  }

  /// The rules by the clock that stamps arrivals.
  static func rules(_ session: PostgresSession) throws(PostgresError) -> RetentionRules {
    let now = try session.row("SELECT clock_timestamp()") { row throws(PostgresError) in
      try row.time()
    }
    return RetentionRules(
      settings: try retentionSettings(session), holds: try legalHolds(session),
      now: now ?? WallTime(unixNanoseconds: .min))
  }

  /// Reads every record of the day; the control plane's own are not counted.
  static func stored(_ day: UTCDay, _ session: PostgresSession) throws(PostgresError) -> StoredDay {
    var stored = StoredDay(day: day)
    let bounds = bounds(day)
    _ = try session.row(
      """
      SELECT count(*), coalesce(sum(octet_length(bytes)), 0)::bigint, min(at), max(at),
        coalesce(bool_or(session IS NULL), false)
      FROM sallyport.record WHERE received_at >= $1 AND received_at < $2
        AND agent NOT IN (SELECT id FROM sallyport.control_plane)
      """, bounds
    ) { row throws(PostgresError) in
      stored.records = try row.integer()
      stored.bytes = try row.integer()
      stored.earliest = try row.optionalTime()
      stored.latest = try row.optionalTime()
      stored.hasOthers = try row.bool()
    }
    stored.statements =
      try session.row(
        """
        SELECT count(*) FROM sallyport.statement WHERE received_at >= $1 AND received_at < $2
        """, bounds, { row throws(PostgresError) in try row.integer() }) ?? 0
    // What names a session that is not known belongs to no connection.
    let connections = try session.rows(
      """
      SELECT DISTINCT nullif(s.connection, '') FROM (
        SELECT DISTINCT agent, session FROM sallyport.record
        WHERE received_at >= $1 AND received_at < $2 AND session IS NOT NULL
      ) r LEFT JOIN sallyport.session s ON s.id = r.session AND s.agent = r.agent
      UNION
      SELECT DISTINCT nullif(connection, '') FROM sallyport.statement
      WHERE received_at >= $1 AND received_at < $2
      """, bounds
    ) { row throws(PostgresError) in try row.optionalText() }
    stored.connections = Set(connections.compactMap { $0 })
    if connections.contains(nil) { stored.hasOthers = true }
    return stored
  }

  static func bounds(_ day: UTCDay) -> [SQLValue] { [.time(day.start), .time(day.end)] }
}
