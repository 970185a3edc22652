import AuditLog
import Foundation
internal import GatewayModel

/// What an agent says of a session counts only where the session is its own: a record that names
/// another agent's session changes nothing of it.
extension PostgresStore {
  /// Stores what is read out of a batch's records; the cursor's lock is held.
  static func project(
    _ records: [ReceivedRecord], _ log: LogID, _ receivedAt: WallTime, _ session: PostgresSession
  ) throws {
    let decoded = records.compactMap(\.decoded)
    var projection = BatchProjection(
      log: log, position: try drawPosition(session), receivedAt: receivedAt,
      sessions: try knownSessions(decoded, log, session),
      pending: try takePending(decoded, log, session))
    for record in decoded { projection.take(record) }

    try open(projection.opened, log, session)
    try close(projection.closed, log, session)
    if let restartedAt = projection.restartedAt {
      try endInterrupted(log, at: restartedAt, but: projection.openedSinceRestart, session)
    }
    try store(projection.texts, log, receivedAt, session)
    try copy(projection.settled, into: "sallyport.statement", session)
    try copy(
      projection.pending.values.sorted { $0.seq < $1.seq }, into: "sallyport.pending_statement",
      session)
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
    let columns = StatementRow.columns.split(separator: ",").map {
      "p." + $0.trimmingCharacters(in: .whitespacesAndNewlines)
    }.joined(separator: ", ")
    if records.contains(where: { $0.kind == .logOpen }) {
      return try session.rows(
        """
        DELETE FROM sallyport.pending_statement p WHERE agent = $1 AND epoch = $2 AND lane = $3
        RETURNING \(columns)
        """,
        [.identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane))],
        { row throws(PostgresError) in try StatementRow(reading: &row) })
    }
    var sessions: [Identifier128] = []
    var statements: [Int64] = []
    var closed: [Identifier128] = []
    for record in records {
      guard let id = record.header.session?.value else { continue }
      switch record.body {
      case .sessionClose: closed.append(id)
      case .statementEnd, .refusal:
        guard let statement = record.statement else { continue }
        sessions.append(id)
        statements.append(Int64(clamping: statement.rawValue))
      default: break
      }
    }
    guard !sessions.isEmpty || !closed.isEmpty else { return [] }
    return try session.rows(
      """
      DELETE FROM sallyport.pending_statement p
      WHERE ((p.session, p.statement) IN (SELECT * FROM unnest($1::uuid[], $2::bigint[]))
        OR p.session = ANY ($3))
        AND p.agent = $4 AND p.epoch = $5 AND p.lane = $6
      RETURNING \(columns)
      """,
      [
        .identifiers(sessions), .integers(statements), .identifiers(closed),
        .identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane)),
      ],
      { row throws(PostgresError) in try StatementRow(reading: &row) })
  }

  private static func open(
    _ sessions: [BatchProjection.OpenedSession], _ log: LogID, _ session: PostgresSession
  ) throws {
    for opened in sessions {
      let open = opened.record
      let actors = open.actors.actors.map(StoredActor.init)
      try session.execute(
        """
        INSERT INTO sallyport.session
          (id, agent, epoch, lane, seq, opened_at, principal, principal_kind, issuer,
           display_name, groups, actors, token_id, connection, database, database_role, segment,
           client_address, client_tls, server_address, server_tls, application_name,
           access_grant, bundle_version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
          $19, $20, $21, $22, $23, $24)
        ON CONFLICT (id) DO NOTHING
        """,
        [
          .identifier(opened.id), .identifier(log.agent.value), .number(log.epoch),
          .integer(Int64(log.lane)), .number(opened.seq), .time(opened.at),
          .text(IndexedText.clipped(open.principal.subject)),
          .text(open.principal.kind.rawValue), .text(open.principal.issuer),
          .optional(open.principal.displayName), .texts(open.principal.groups),
          .json(String(decoding: try JSONEncoder().encode(actors), as: UTF8.self)),
          .text(open.tokenID), .text(IndexedText.clipped(open.connection)),
          .text(open.database), .text(open.databaseRole), .text(open.segment),
          .text(open.clientAddress), .text(open.clientTLS), .text(open.serverAddress),
          .text(open.serverTLS), .text(open.applicationName), .text(open.grant),
          .number(open.bundleVersion),
        ])
    }
  }

  private static func close(
    _ sessions: [BatchProjection.ClosedSession], _ log: LogID, _ session: PostgresSession
  ) throws(PostgresError) {
    for closed in sessions {
      try session.execute(
        """
        UPDATE sallyport.session
        SET closed_at = $2, close_reason = $3, close_message = $4, statements = $5
        WHERE id = $1 AND agent = $6
        """,
        [
          .identifier(closed.id), .time(closed.at), .text(closed.record.reason),
          .text(closed.record.message), .number(closed.record.statements),
          .identifier(log.agent.value),
        ])
    }
  }

  /// Ends the sessions that an earlier run of the agent left open.
  private static func endInterrupted(
    _ log: LogID, at: WallTime, but opened: [Identifier128], _ session: PostgresSession
  ) throws(PostgresError) {
    try session.execute(
      """
      UPDATE sallyport.session
      SET closed_at = greatest($4, opened_at), close_reason = 'agent_stopped', close_message = ''
      WHERE agent = $1 AND epoch = $2 AND lane = $3 AND closed_at IS NULL AND id <> ALL ($5)
      """,
      [
        .identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane)), .time(at),
        .identifiers(opened),
      ])
  }
}

/// An actor as the session's row has it in JSON.
struct StoredActor: Codable, Sendable {
  var subject: String
  var kind: String
  var verified: Bool

  init(_ actor: Actor) {
    subject = actor.subject.replacingOccurrences(of: "\u{0}", with: "\u{FFFD}")
    kind = actor.kind.rawValue
    verified = actor.verified
  }
}
