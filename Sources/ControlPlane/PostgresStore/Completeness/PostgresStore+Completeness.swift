internal import AuditLog
package import ControlCore
internal import GatewayModel

extension PostgresStore: CompletenessStore {
  package func logStates(
    _ query: CompletenessQuery
  ) async throws(ControlError) -> [LogState] {
    try await transact("reading the state of the logs") { session in
      try session.script("SET LOCAL statement_timeout = '10min'")
      // Where the period is bounded, the records around it say what must be between them.
      return try session.rows(
        """
        SELECT c.agent, c.epoch, c.lane, coalesce(a.hostname, 'control plane'), c.next_seq,
          c.began_at, c.received_at, a.quarantined_at, coalesce(p.next_seq, 0),
          CASE WHEN $2::timestamptz IS NOT NULL THEN (
            SELECT max(seq) + 1 FROM sallyport.every_record r
            WHERE r.agent = c.agent AND r.epoch = c.epoch AND r.lane = c.lane
              AND r.received_at < $2) END,
          CASE WHEN $3::timestamptz IS NOT NULL THEN (
            SELECT min(seq) FROM sallyport.every_record r
            WHERE r.agent = c.agent AND r.epoch = c.epoch AND r.lane = c.lane
              AND r.received_at >= $3) END
        FROM sallyport.log_cursor c
        LEFT JOIN sallyport.agent a ON a.id = c.agent
        LEFT JOIN sallyport.pruned_log p USING (agent, epoch, lane)
        WHERE $1::uuid[] IS NULL OR c.agent = ANY ($1)
        ORDER BY c.agent, c.epoch, c.lane
        """, Self.parameters(query)
      ) { row throws(PostgresError) in try Self.state(&row) }
    }
  }

  private static func parameters(_ query: CompletenessQuery) -> [SQLValue] {
    [
      query.agents.map { .identifiers($0.map(\.value)) } ?? .null, .optional(query.since),
      .optional(query.until),
    ]
  }

  private static func state(_ row: inout RowReader) throws(PostgresError) -> LogState {
    let log = try logID(&row)
    var state = LogState(
      log: log, name: try row.text(), size: try row.unsigned(), beganAt: try row.optionalTime(),
      checkpointAt: try row.time(), quarantinedAt: try row.optionalTime(),
      prunedBefore: try row.unsigned(), expected: 0..<0)
    let before = try row.optionalUnsigned() ?? 0
    let behind = try row.optionalUnsigned() ?? state.size
    let start = min(max(before, state.prunedBefore), state.size)
    state.expected = start..<max(start, min(behind, state.size))
    return state
  }

  private static func logID(_ row: inout RowReader) throws(PostgresError) -> LogID {
    LogID(
      agent: AgentID(try row.identifier()), epoch: try row.unsigned(),
      lane: UInt32(clamping: try row.integer()))
  }

  package func trailParts(
    _ query: CompletenessQuery
  ) async throws(ControlError) -> [TrailPart] {
    let days = try await transact("listing the days of the trail") { session in
      try session.rows("SELECT day::text FROM sallyport.stored_days()") {
        row throws(PostgresError) in UTCDay(text: try row.text())
      }.compactMap { $0 }
    }
    return [.kept]
      + days.filter { day in
        (query.since.map { $0 < day.end } ?? true) && (query.until.map { day.start < $0 } ?? true)
      }.map(TrailPart.day)
  }

  package func spans(
    of part: TrailPart, _ query: CompletenessQuery
  ) async throws(ControlError) -> [LogSpan] {
    try await transact("counting the records of the trail") { session in
      try session.script("SET LOCAL statement_timeout = '10min'; SET LOCAL work_mem = '64MB'")
      let source: String
      var bounds: (since: WallTime?, until: WallTime?) = (query.since, query.until)
      switch part {
      case .kept: source = "sallyport.kept_record"
      case .day(let day):
        source = "sallyport.record"
        bounds.since = max(day.start, query.since ?? day.start)
        bounds.until = min(day.end, query.until ?? day.end)
      }
      var bounded = query
      (bounded.since, bounded.until) = bounds
      let parameters = Self.parameters(bounded)
      var found = try session.rows(Self.spans(source), parameters) { row throws(PostgresError) in
        try Self.span(&row)
      }
      for index in found.indices where found[index].hasBreaks {
        found[index].span.gaps = try Self.gaps(
          found[index].span.log, source, parameters, session)
      }
      return found.map(\.span)
    }
  }

  /// The records in the order of their seq, each with the one before. The times of a silence come
  /// as microseconds since 1970.
  private static func steps(_ source: String) -> String {
    """
    SELECT agent, epoch, lane, seq, at, seq - lag(seq) OVER w AS step, at - lag(at) OVER w AS pause
    FROM \(source)
    WHERE ($1::uuid[] IS NULL OR agent = ANY ($1))
      AND ($2::timestamptz IS NULL OR received_at >= $2)
      AND ($3::timestamptz IS NULL OR received_at < $3)
    WINDOW w AS (PARTITION BY agent, epoch, lane ORDER BY seq, received_at)
    """
  }

  private static func spans(_ source: String) -> String {
    """
    SELECT agent, epoch, lane, first, last, count, first_at, last_at, breaks,
      (silence[1] * 1000000)::bigint, (silence[2] * 1000000)::bigint
    FROM (
      SELECT agent, epoch, lane, min(seq) AS first, max(seq) AS last, count(*) AS count,
        min(at) AS first_at, max(at) AS last_at, count(*) FILTER (WHERE step <> 1) AS breaks,
        max(ARRAY[extract(epoch FROM pause), extract(epoch FROM at)])
          FILTER (WHERE pause >= interval '1 second') AS silence
      FROM (\(steps(source))) s GROUP BY agent, epoch, lane
    ) s
    """
  }

  private static func span(
    _ row: inout RowReader
  ) throws(PostgresError) -> (span: LogSpan, hasBreaks: Bool) {
    var span = LogSpan(
      log: try logID(&row), first: try row.unsigned(), last: try row.unsigned(),
      count: try row.unsigned(), firstAt: try row.time(), lastAt: try row.time())
    let hasBreaks = try row.integer() > 0
    if let pause = try row.optionalInteger(), let end = try row.optionalInteger() {
      span.silence = LogSpan.Silence(
        from: WallTime(unixMicroseconds: end.subtractingReportingOverflow(pause).partialValue),
        to: WallTime(unixMicroseconds: end))
    }
    return (span, hasBreaks)
  }

  private static func gaps(
    _ log: LogID, _ source: String, _ parameters: [SQLValue], _ session: PostgresSession
  ) throws(PostgresError) -> [Range<UInt64>] {
    try session.rows(
      """
      SELECT seq - step + 1, seq FROM (\(steps(source))) s
      WHERE step > 1 AND agent = $4 AND epoch = $5 AND lane = $6 ORDER BY seq LIMIT 100
      """, parameters + key(log)
    ) { row throws(PostgresError) in
      let first = try row.unsigned()
      return first..<max(first, try row.unsigned())
    }
  }

  package func losses(
    _ query: CompletenessQuery, limit: Int
  ) async throws(ControlError) -> [PlacedRecord] {
    try await transact("reading what agents have lost") { session in
      try session.rows(
        """
        SELECT agent, epoch, lane, seq, bytes FROM sallyport.record
        WHERE kind = 'loss' AND ($1::uuid[] IS NULL OR agent = ANY ($1))
          AND ($2::timestamptz IS NULL OR received_at >= $2)
          AND ($3::timestamptz IS NULL OR received_at < $3)
        ORDER BY agent, epoch, lane, seq LIMIT $4
        """, Self.parameters(query) + [.integer(Int64(limit))]
      ) { row throws(PostgresError) in
        PlacedRecord(
          log: try Self.logID(&row), seq: try row.unsigned(), bytes: try row.bytes())
      }
    }
  }
}

extension WallTime {
  /// Saturates.
  fileprivate init(unixMicroseconds: Int64) {
    let (product, overflow) = unixMicroseconds.multipliedReportingOverflow(by: 1000)
    self.init(
      unixNanoseconds: overflow ? (unixMicroseconds < 0 ? .min : .max) : product)
  }
}
