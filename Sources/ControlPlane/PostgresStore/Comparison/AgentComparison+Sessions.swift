internal import AuditLog
internal import GatewayModel

extension AgentComparison {
  private static let table = "session"

  /// Compares the rows of sessions that were opened or ended.
  mutating func compareSessions(
    _ expected: ExpectedRows, _ session: PostgresSession
  ) throws(PostgresError) {
    for id in expected.ended.keys { doubted.ended[id] = nil }
    var missing = expected.opened
    let ids = Array(Set(expected.opened.keys).union(expected.ended.keys))
    for stored in try storedSessions(ids, session) {
      if let opened = missing.removeValue(forKey: stored.id) {
        try compare(stored, with: opened, session)
      }
      if let end = expected.ended[stored.id] { compare(stored, with: end) }
    }
    for (id, opened) in missing.sorted(by: { $0.value.seq < $1.value.seq }) {
      found.add(
        Self.table, log: opened.log, seq: opened.seq, "the row of the session \(id) is missing")
    }
  }

  private mutating func compare(
    _ stored: StoredSession, with opened: SessionRow, _ session: PostgresSession
  ) throws(PostgresError) {
    let columns = stored.opening.differing(from: opened.values, SessionRow.columnNames)
    guard !columns.isEmpty else { return }
    if stored.log != opened.log || stored.seq != opened.seq, let log = stored.log,
      try PostgresStore.isOpening(of: stored.id, log, seq: stored.seq, session)
    {
      // It was opened before, and that stays.
      replay.forget(repeated: stored.id, opened.log, seq: opened.seq)
      return
    }
    found.differ(
      Self.table, log: opened.log, seq: opened.seq, columns, "the row of the session \(stored.id)")
  }

  private mutating func compare(_ stored: StoredSession, with end: SessionEnd) {
    let columns = stored.end.differing(from: end.values, SessionRow.endNames)
    guard !columns.isEmpty else { return }
    guard isDone || doubted.ended.count >= Self.maximumDoubts else {
      doubted.ended[stored.id] = end
      return
    }
    found.differ(
      Self.table, log: stored.log, seq: stored.seq, columns, "the row of the session \(stored.id)")
  }

  /// Looks whether the sessions that are open at the end of all logs are so in the table.
  mutating func compareOpenSessions(_ session: PostgresSession) throws(PostgresError) {
    for stored in try storedSessions(Array(replay.open.keys), session) {
      let columns = stored.end.differing(from: SessionEnd.openValues, SessionRow.endNames)
      guard !columns.isEmpty else { continue }
      found.differ(
        Self.table, log: stored.log, seq: stored.seq, columns,
        "the row of the session \(stored.id)")
    }
  }

  /// Takes the sessions of a log that are open and whose first record was removed.
  mutating func carrySessions(
    of log: LogID, before first: UInt64, _ session: PostgresSession
  ) throws(PostgresError) {
    guard first > 0 else { return }
    let open = try session.rows(
      """
      SELECT id, seq, opened_at FROM sallyport.session
      WHERE agent = $1 AND epoch = $2 AND lane = $3 AND closed_at IS NULL AND seq < $4
      LIMIT \(Self.maximumUnderWay)
      """, PostgresStore.key(log) + [.number(first)]
    ) { row throws(PostgresError) in
      (
        try row.identifier(),
        AgentReplay.OpenSession(
          log: log, seq: try row.unsigned(), openedAt: try row.time())
      )
    }
    for (id, opened) in open { replay.carry(id, opened) }
  }

  private struct StoredSession {
    let id: Identifier128
    let log: LogID?
    let seq: UInt64
    let opening: StoredColumns
    let end: StoredColumns
  }

  private mutating func storedSessions(
    _ ids: [Identifier128], _ session: PostgresSession
  ) throws(PostgresError) -> [StoredSession] {
    var stored: [StoredSession] = []
    let agent = agent
    for start in stride(from: 0, to: ids.count, by: 1000) {
      stored += try session.rows(
        """
        SELECT id, \((SessionRow.columnNames + SessionRow.endNames).joined(separator: ", "))
        FROM sallyport.session WHERE id = ANY ($1) AND agent = $2
        """,
        [
          .identifiers(Array(ids[start..<min(ids.count, start + 1000)])),
          .identifier(agent.value),
        ]
      ) { row throws(PostgresError) in
        let id = try row.identifier()
        let opening = try StoredColumns(reading: &row, count: SessionRow.columnNames.count)
        let end = try StoredColumns(reading: &row, count: SessionRow.endNames.count)
        // As the names stand: epoch, lane, seq.
        let log = opening.integer(0).flatMap { epoch in
          opening.integer(1).map { lane in
            LogID(
              agent: agent, epoch: UInt64(clamping: epoch), lane: UInt32(clamping: lane))
          }
        }
        return StoredSession(
          id: id, log: log, seq: UInt64(clamping: opening.integer(2) ?? 0), opening: opening,
          end: end)
      }
    }
    rows += stored.count
    return stored
  }
}

extension PostgresStore {
  /// Whether a record opens a session.
  static func isOpening(
    of id: Identifier128, _ log: LogID, seq: UInt64, _ session: PostgresSession
  ) throws(PostgresError) -> Bool {
    let bytes = try session.row(
      """
      SELECT bytes FROM sallyport.record
      WHERE agent = $1 AND epoch = $2 AND lane = $3 AND seq = $4
      """, key(log) + [.number(seq)]
    ) { row throws(PostgresError) in try row.bytes() }
    guard let bytes, let record = ReceivedRecord.decoded(bytes, seq: seq) else { return false }
    if case .sessionOpen = record.body { return record.header.session?.value == id }
    return false
  }
}
