internal import AuditLog
internal import GatewayModel

// A session belongs to the agent that recorded it: of the ids that agents draw nothing is believed,
// and a record changes nothing of another agent's session with the same id.
extension PostgresStore {
  /// Stores what is read out of a batch's records; the cursor's lock is held.
  static func project(
    _ records: [ReceivedRecord], _ log: LogID, _ receivedAt: WallTime, _ session: PostgresSession
  ) throws {
    let decoded = records.compactMap(\.decoded)
    let position = try drawPosition(session)
    let newer = try newerEpoch(than: log, session)
    var pending = try takePending(decoded, log, session)
    if newer != nil { pending += try takeSettledEarly(decoded, log, session) }
    var projection = BatchProjection(
      log: log, position: position, receivedAt: receivedAt,
      sessions: try knownSessions(decoded, log, session), pending: pending)
    for record in decoded { projection.take(record) }

    try open(projection.opened, log, session)
    try close(Array(projection.closed.values), log, session)
    if let stoppedAt = projection.stoppedAt {
      try endInterrupted(log, at: stoppedAt, but: projection.openedSinceStop, session)
    }
    try store(projection.texts, log, receivedAt, session)
    if projection.stoppedAt != nil || projection.texts.contains(where: { !$0.isWhole }) {
      try dropChunks(log, but: projection.unfinishedText, session)
    }
    try copy(projection.settled, into: "sallyport.statement", session)
    try copy(projection.pendingRows, into: "sallyport.pending_statement", session)
    let opened = decoded.last { $0.kind == .logOpen }
    if let newest = newer ?? opened.map({ Epoch(number: log.epoch, beganAt: $0.header.time) }) {
      try endEpochs(
        of: log.agent, before: newest, position: position,
        firstOrdinal: Int64(projection.settled.count), receivedAt, session)
    }
  }

  private static func copy(
    _ rows: [StatementRow], into table: String, _ session: PostgresSession
  ) throws(PostgresError) {
    var copied = CopyRows()
    copied.reserve(rows.count * 512)
    for row in rows { copied.append(row.values) }
    try session.copy(copied, into: "\(table) (\(StatementRow.columns))")
  }

  /// The sessions that the batch names and does not open itself.
  private static func knownSessions(
    _ records: [DecodedRecord], _ log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> [Identifier128: BatchProjection.SessionContext] {
    var named: Set<Identifier128> = []
    var opened: Set<Identifier128> = []
    for record in records {
      guard let id = record.header.session?.value else { continue }
      if case .sessionOpen = record.body { opened.insert(id) } else { named.insert(id) }
    }
    named.subtract(opened)
    guard !named.isEmpty else { return [:] }
    let rows = try session.rows(
      """
      SELECT id, principal, principal_kind, connection FROM sallyport.session
      WHERE id = ANY ($1) AND agent = $2
      """, [.identifiers(Array(named)), .identifier(log.agent.value)]
    ) { row throws(PostgresError) in
      (
        try row.identifier(),
        BatchProjection.SessionContext(
          principal: try row.text(), principalKind: try row.text(), connection: try row.text())
      )
    }
    return Dictionary(rows, uniquingKeysWith: { first, _ in first })
  }

  /// Takes out of the store the pending statements that the batch can settle or describe further.
  private static func takePending(
    _ records: [DecodedRecord], _ log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> [StatementRow] {
    let columns = StatementRow.columnNames.map { "p.\($0)" }.joined(separator: ", ")
    if records.contains(where: { $0.kind == .logOpen || $0.kind == .logClose }) {
      return try session.rows(
        """
        DELETE FROM sallyport.pending_statement p WHERE agent = $1 AND epoch = $2 AND lane = $3
        RETURNING \(columns)
        """,
        [.identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane))],
        { row throws(PostgresError) in try StatementRow(reading: &row) })
    }
    let ended = EndedStatements(records)
    let closed = records.compactMap { record in
      if case .sessionClose = record.body { record.header.session?.value } else { nil }
    }
    guard !ended.isEmpty || !closed.isEmpty else { return [] }
    return try session.rows(
      """
      DELETE FROM sallyport.pending_statement p
      WHERE ((p.session, p.statement) IN (SELECT * FROM unnest($1::uuid[], $2::bigint[]))
        OR p.session IN (SELECT * FROM unnest($3::uuid[])))
        AND p.agent = $4 AND p.epoch = $5 AND p.lane = $6
      RETURNING \(columns)
      """,
      [
        .identifiers(ended.sessions), .integers(ended.statements), .identifiers(closed),
        .identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane)),
      ],
      { row throws(PostgresError) in try StatementRow(reading: &row) })
  }
}

/// The statements that records end or refuse, in the form of two columns.
struct EndedStatements: Sendable {
  private(set) var sessions: [Identifier128] = []
  private(set) var statements: [Int64] = []

  var isEmpty: Bool { sessions.isEmpty }

  init(_ records: [DecodedRecord]) {
    for record in records {
      switch record.body {
      case .statementEnd, .refusal:
        guard let id = record.header.session?.value, let statement = record.statement else {
          continue
        }
        sessions.append(id)
        statements.append(Int64(clamping: statement.rawValue))
      default: break
      }
    }
  }
}
