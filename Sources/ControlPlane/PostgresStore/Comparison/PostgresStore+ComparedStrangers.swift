internal import AuditLog
internal import ControlCore
internal import GatewayModel

/// Rows that belong to no log, or to no record of one.
extension PostgresStore {
  /// Names the logs that statements are of and that are not there.
  func findStrangers(
    _ agents: [AgentID]?, but control: AgentID, _ total: inout ComparedTables,
    _ tell: (ComparisonNews) async throws -> Void
  ) async throws {
    let found = try await transact("looking for rows without a log") { session in
      var found = FindingList()
      for table in ["statement", "pending_statement"] {
        for log in try Self.strangers(in: table, agents, but: control, session) {
          found.add(table, log: log, "rows stand for this log, and it is not there")
        }
      }
      return found
    }
    try await tellAll(found, &total, tell)
  }

  private static func strangers(
    in table: String, _ agents: [AgentID]?, but control: AgentID, _ session: PostgresSession
  ) throws(PostgresError) -> [LogID] {
    try session.rows(
      """
      WITH RECURSIVE stored AS (
        (SELECT agent, epoch, lane FROM sallyport.\(table) ORDER BY agent, epoch, lane LIMIT 1)
        UNION ALL
        SELECT n.agent, n.epoch, n.lane FROM stored s CROSS JOIN LATERAL (
          SELECT r.agent, r.epoch, r.lane FROM sallyport.\(table) r
          WHERE (r.agent, r.epoch, r.lane) > (s.agent, s.epoch, s.lane)
          ORDER BY r.agent, r.epoch, r.lane LIMIT 1
        ) n
      )
      SELECT agent, epoch, lane FROM stored s
      WHERE ($1::uuid[] IS NULL OR agent = ANY ($1)) AND (agent = $2 OR NOT EXISTS (
        SELECT FROM sallyport.log_cursor c WHERE c.agent = s.agent AND c.epoch = s.epoch
          AND c.lane = s.lane AND c.next_seq > 0))
      """, [filter(agents), .identifier(control.value)]
    ) { row throws(PostgresError) in
      LogID(
        agent: AgentID(try row.identifier()), epoch: try row.unsigned(),
        lane: UInt32(clamping: try row.integer()))
    }
  }

  // MARK: Sessions

  /// A session by its row's place, and whether the record stands there that opens it.
  private struct ListedSession: Sendable {
    var id: Identifier128
    var log: LogID
    var seq: UInt64
    var isOpened: Bool
  }

  /// Names the rows of sessions that no record has opened.
  func findUnopenedSessions(
    _ agents: [AgentID]?, _ total: inout ComparedTables,
    _ tell: (ComparisonNews) async throws -> Void
  ) async throws {
    var last: ListedSession?
    var found = FindingList()
    repeat {
      let (behind, before) = (last, found)
      let page = try await transact("comparing sessions") { session in
        let page = try Self.listedSessions(behind: behind, agents, session)
        var found = before
        for listed in page where !listed.isOpened {
          if try Self.wasRemoved(listed, session) { continue }
          found.add(
            "session", log: listed.log, seq: listed.seq,
            "the row of the session \(listed.id) stands for no record that opens it")
        }
        return (page, found)
      }
      (last, found) = (page.0.last, page.1)
      try await tell(.progress(records: total.records, rows: total.rows))
    } while last != nil
    try await tellAll(found, &total, tell)
  }

  private static func listedSessions(
    behind last: ListedSession?, _ agents: [AgentID]?, _ session: PostgresSession
  ) throws(PostgresError) -> [ListedSession] {
    try session.rows(
      """
      SELECT s.id, s.agent, s.epoch, s.lane, s.seq, EXISTS (
        SELECT FROM sallyport.record r WHERE r.agent = s.agent AND r.epoch = s.epoch
          AND r.lane = s.lane AND r.seq = s.seq AND r.session = s.id AND r.kind = 'session.open')
      FROM (
        SELECT * FROM sallyport.session
        WHERE ($1::uuid[] IS NULL OR agent = ANY ($1))
          AND ($2::uuid IS NULL OR (id, agent) > ($2, $3::uuid))
        ORDER BY id, agent LIMIT 1000
      ) s ORDER BY s.id, s.agent
      """,
      [
        filter(agents), last.map { .identifier($0.id) } ?? .null,
        last.map { .identifier($0.log.agent.value) } ?? .null,
      ]
    ) { row throws(PostgresError) in
      ListedSession(
        id: try row.identifier(),
        log: LogID(
          agent: AgentID(try row.identifier()), epoch: try row.unsigned(),
          lane: UInt32(clamping: try row.integer())),
        seq: try row.unsigned(), isOpened: try row.bool())
    }
  }

  /// Whether the record can have been removed: it is in front of those that are stored.
  private static func wasRemoved(
    _ listed: ListedSession, _ session: PostgresSession
  ) throws(PostgresError) -> Bool {
    if let first = try firstStored(of: listed.log, session) { return listed.seq < first }
    return try session.row(
      """
      SELECT next_seq > $4 FROM sallyport.log_cursor
      WHERE agent = $1 AND epoch = $2 AND lane = $3
      """, key(listed.log) + [.number(listed.seq)]
    ) { row throws(PostgresError) in try row.bool() } ?? false
  }
}
