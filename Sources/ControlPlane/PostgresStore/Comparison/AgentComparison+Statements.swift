internal import AuditLog
internal import GatewayModel

// The columns position and ordinal are drawn when a statement is settled and stand in no record.
extension AgentComparison {
  private static let table = "statement"
  private static let notInRecords: Set<String> = ["position", "ordinal"]
  /// The most rows that are read at once.
  private static let maximumRows = 20_000
  /// The most places that are looked up at once: fewer, since a forged row can stand beside each.
  private static let maximumPlaces = 5000

  // MARK: Settled statements

  /// Compares the rows of the records that a step has read, and of statements that it has settled.
  ///
  /// - Parameters:
  ///   - expected: Taken out as they are found.
  ///   - begins: Where each log stood before the step.
  mutating func compareStatements(
    _ expected: inout [ExpectedRows.Place: StatementRow], _ begins: [LogID: UInt64],
    _ session: PostgresSession
  ) throws(PostgresError) {
    for place in expected.keys { doubted.statements[place] = nil }
    for (log, state) in replay.logs {
      let range = (begins[log] ?? state.first)..<max(begins[log] ?? state.first, state.next)
      guard !range.isEmpty else { continue }
      let pending = Set(state.pending.values.flatMap(\.keys))
      try readStatements(
        "s.seq >= $4 AND s.seq < $5", log, [.number(range.lowerBound), .number(range.upperBound)],
        session
      ) { comparison, seq, stored in
        let place = ExpectedRows.Place(log: log, seq: seq)
        if let row = expected.removeValue(forKey: place) {
          comparison.compare(stored, with: row)
        } else if !pending.contains(seq) {
          comparison.found.add(
            Self.table, log: log, seq: seq, "a row stands there that no record asks for")
        }
      }
    }
    try compareEarlier(&expected, session)
    let missing = expected.sorted {
      ($0.key.log.epoch, $0.key.log.lane, $0.key.seq)
        < ($1.key.log.epoch, $1.key.log.lane, $1.key.seq)
    }
    for (place, row) in missing { doubt(row, at: place, "the row is missing") }
    expected = [:]
  }

  /// Those whose first record was read in an earlier step.
  private mutating func compareEarlier(
    _ expected: inout [ExpectedRows.Place: StatementRow], _ session: PostgresSession
  ) throws(PostgresError) {
    let places = Dictionary(grouping: expected.keys, by: \.log)
    for (log, places) in places {
      for start in stride(from: 0, to: places.count, by: Self.maximumPlaces) {
        let part = places[start..<min(places.count, start + Self.maximumPlaces)]
        let seqs = part.map { Int64(clamping: $0.seq) }
        try readStatements("s.seq = ANY ($4)", log, [.integers(seqs)], session) {
          comparison, seq, stored in
          let place = ExpectedRows.Place(log: log, seq: seq)
          if let row = expected.removeValue(forKey: place) { comparison.compare(stored, with: row) }
        }
      }
    }
  }

  private mutating func readStatements(
    _ condition: String, _ log: LogID, _ values: [SQLValue], _ session: PostgresSession,
    _ take: (inout AgentComparison, UInt64, [StoredColumns]) -> Void
  ) throws(PostgresError) {
    let names = StatementRow.columnNames
    let read = try session.rows(
      """
      SELECT \(names.map { "s.\($0)" }.joined(separator: ", ")) FROM sallyport.statement s
      WHERE s.agent = $1 AND s.epoch = $2 AND s.lane = $3 AND \(condition)
      ORDER BY s.seq LIMIT \(Self.maximumRows)
      """, PostgresStore.key(log) + values
    ) { row throws(PostgresError) in try StoredColumns(reading: &row, count: names.count) }
    rows += read.count
    let bySeq = Dictionary(grouping: read) { $0.integer(Self.seqColumn) ?? -1 }
    for (seq, stored) in bySeq.sorted(by: { $0.key < $1.key }) {
      take(&self, UInt64(clamping: seq), stored)
    }
  }

  private static let seqColumn = StatementRow.columnNames.firstIndex(of: "seq") ?? 3

  private mutating func compare(_ stored: [StoredColumns], with row: StatementRow) {
    let place = ExpectedRows.Place(log: row.log, seq: row.seq)
    guard stored.count == 1, let only = stored.first else {
      found.add(Self.table, log: row.log, seq: row.seq, "\(stored.count) rows stand there for one")
      return
    }
    let columns = only.differing(
      from: row.values, StatementRow.columnNames, but: Self.notInRecords)
    guard !columns.isEmpty else { return }
    guard isDone || doubted.statements.count >= Self.maximumDoubts else {
      doubted.statements[place] = row
      return
    }
    found.differ(Self.table, log: row.log, seq: row.seq, columns)
  }

  private mutating func doubt(
    _ row: StatementRow, at place: ExpectedRows.Place, _ what: String
  ) {
    guard isDone || doubted.statements.count >= Self.maximumDoubts else {
      doubted.statements[place] = row
      return
    }
    found.add(Self.table, log: place.log, seq: place.seq, what)
  }

  // MARK: What is not settled

  /// Compares what is under way at the end of all logs, and looks for rows outside of them.
  mutating func finish(_ session: PostgresSession) throws(PostgresError) {
    for state in replay.logs.values.sorted(by: { "\($0.log)" < "\($1.log)" }) {
      try comparePending(state, session)
      let outside: (inout AgentComparison, UInt64, [StoredColumns]) -> Void = {
        comparison, seq, _ in
        comparison.found.add(
          Self.table, log: state.log, seq: seq, "a row stands there, outside of the log")
      }
      try readStatements(
        "(s.seq < 0 OR s.seq >= $4)", state.log, [.number(state.next)], session, outside)
    }
    try compareOpenSessions(session)
  }

  private mutating func comparePending(
    _ state: ReplayedLog, _ session: PostgresSession
  ) throws(PostgresError) {
    var expected = state.pendingBySeq
    let names = StatementRow.columnNames
    var behind = Int64.min
    while true {
      let page = try session.rows(
        """
        SELECT \(names.joined(separator: ", ")) FROM sallyport.pending_statement
        WHERE agent = $1 AND epoch = $2 AND lane = $3 AND seq > $4 ORDER BY seq LIMIT 1000
        """, PostgresStore.key(state.log) + [.integer(behind)]
      ) { row throws(PostgresError) in try StoredColumns(reading: &row, count: names.count) }
      guard let last = page.last?.integer(Self.seqColumn), last > behind else { break }
      behind = last
      rows += page.count
      for stored in page {
        let seq = UInt64(clamping: stored.integer(Self.seqColumn) ?? 0)
        guard let row = expected.removeValue(forKey: seq) else {
          found.add(
            "pending_statement", log: state.log, seq: seq,
            "a row stands there that no record asks for")
          continue
        }
        let columns = stored.differing(from: row.values, names, but: Self.notInRecords)
        guard !columns.isEmpty else { continue }
        found.differ("pending_statement", log: state.log, seq: seq, columns)
      }
    }
    for seq in expected.keys.sorted() {
      found.add("pending_statement", log: state.log, seq: seq, "the row is missing")
    }
    let pending = state.pendingBySeq.keys.map { Int64(clamping: $0) }
    guard !pending.isEmpty else { return }
    try readStatements("s.seq = ANY ($4)", state.log, [.integers(pending)], session) {
      comparison, seq, _ in
      comparison.found.add(
        Self.table, log: state.log, seq: seq,
        "a row says that the statement has ended, and no record does")
    }
  }

  // MARK: Removed records

  /// The statements whose first record was removed, as they were before the records that are stored.
  mutating func carriedStatements(
    of log: LogID, before first: UInt64, _ session: PostgresSession
  ) throws(PostgresError) -> [StatementRow] {
    guard first > 0 else { return [] }
    let names = StatementRow.columnNames.joined(separator: ", ")
    let limit = Self.maximumRows
    var stored: [StatementRow] = []
    for table in [Self.table, "pending_statement"] {
      let rows = try session.rows(
        """
        SELECT \(names) FROM sallyport.\(table)
        WHERE agent = $1 AND epoch = $2 AND lane = $3 AND seq >= 0 AND seq < $4 LIMIT \(limit)
        """, PostgresStore.key(log) + [.number(first)]
      ) { row throws(PostgresError) in try StatementRow(reading: &row) }
      stored += rows.filter { $0.isNumbered }
      // What is of no statement was settled with its own record, and was removed with it. Of what is
      // pending, all that no record asks for is named at the end.
      guard table == Self.table else { continue }
      for row in rows where !row.isNumbered {
        found.add(
          table, log: log, seq: row.seq,
          "a row stands there for a record that is not there, and of no statement that goes on")
      }
    }
    if stored.count >= limit {
      found.add(
        Self.table, log: log, seq: 0,
        "more than \(limit) rows stand for statements that began in records which are not there")
    }
    return stored.map(\.withoutEnd)
  }
}

extension StatementRow {
  /// Whether it is of a statement of a session.
  fileprivate var isNumbered: Bool { session != nil && statement != nil }

  /// The row as it was when its statement was pending.
  fileprivate var withoutEnd: StatementRow {
    var row = self
    row.endSeq = nil
    row.endedAt = nil
    row.commandTag = nil
    row.rows = nil
    row.resultBytes = nil
    row.serverNanoseconds = nil
    row.totalNanoseconds = nil
    // What it was refused for can stand in a record that was removed.
    guard kind != "refusal" else { return row }
    row.outcome = "unknown"
    row.sqlstate = nil
    row.message = nil
    row.reason = nil
    return row
  }
}
