package import APIModel
package import ControlCore
internal import GatewayModel

extension PostgresStore {
  package func sessions(
    _ query: SessionQuery
  ) async throws(ControlError) -> Page<SessionInfo> {
    var search = StatementSearch(StatementQuery())
    if let principal = query.principal {
      search.add("n.principal = ", .text(IndexedText.clipped(principal)))
    }
    if let connection = query.connection {
      search.add("n.connection = ", .text(IndexedText.clipped(connection)))
    }
    if let prefix = query.agentPrefix { search.add(agentPrefix: prefix) }
    if let since = query.since { search.add("n.opened_at >= ", .time(since)) }
    if let until = query.until { search.add("n.opened_at < ", .time(until)) }
    if query.openOnly { search.add("(n.closed_at IS NULL) = ", .bool(true)) }
    if let text = query.cursor {
      guard case .sessions(let at, let id, let agent) = try TrailCursor(text: text) else {
        throw TrailCursor.unusable(text)
      }
      search.add(
        "n.opened_at, n.id, n.agent", "<",
        [.time(at), .identifier(id), .identifier(agent.value)])
    }
    let condition = search.branches.joined()
    let values = search.values
    return try await transact("searching the sessions") { session in
      let found = try Self.sessions(
        """
        \(condition) ORDER BY n.opened_at DESC, n.id DESC, n.agent DESC LIMIT \(query.limit + 1)
        """, values, session)
      let shown = found.prefix(query.limit)
      let next = shown.last.map {
        TrailCursor.sessions(at: $0.openedAt, id: $0.id, agent: $0.agent).text
      }
      return Page(
        items: shown.map(\.info), nextCursor: shown.count < found.count ? next : nil)
    }
  }

  struct SessionItem: Sendable {
    var id: Identifier128
    var agent: AgentID
    var openedAt: WallTime
    var closedAt: WallTime?
    var lane: UInt32
    var info: SessionInfo
    var circumstances: SessionCircumstances
  }

  static func sessions(
    _ rest: String, _ values: [SQLValue], _ session: PostgresSession
  ) throws(PostgresError) -> [SessionItem] {
    // The close record has the count; of an open session the statements are counted.
    try session.rows(
      """
      SELECT n.id, n.opened_at, n.agent, n.closed_at, n.close_reason, n.principal,
        n.principal_kind, n.groups, n.connection, n.database, n.database_role, n.client_address,
        n.application_name, coalesce(n.statements,
          (SELECT count(*) FROM sallyport.statement s
            WHERE s.session = n.id AND s.agent = n.agent AND s.statement IS NOT NULL)
          + (SELECT count(*) FROM sallyport.pending_statement p
            WHERE p.session = n.id AND p.agent = n.agent)),
        n.epoch, n.lane, n.actors, n.issuer, n.display_name, n.token_id, n.segment, n.client_tls,
        n.server_address, n.server_tls, n.access_grant, n.bundle_version, n.close_message,
        n.policy, n.policy_stale, n.read_only
      FROM sallyport.session n WHERE \(rest)
      """, values, item)
  }

  private static func item(_ row: inout RowReader) throws(PostgresError) -> SessionItem {
    let id = try row.identifier()
    let openedAt = try row.time()
    let agent = AgentID(try row.identifier())
    let closedAt = try row.optionalTime()
    let info = SessionInfo(
      id: id.description, openedAt: TimeText.text(openedAt),
      closedAt: closedAt.map(TimeText.text),
      closeReason: present(try row.optionalText()), principal: try row.text(),
      principalKind: try row.text(), groups: try row.texts(), connection: try row.text(),
      database: try row.text(), databaseRole: try row.text(), agent: agent.description,
      clientAddress: try row.text(), applicationName: present(try row.optionalText()),
      statements: Int(try row.integer()))
    let epoch = try row.unsigned()
    let lane = UInt32(clamping: try row.integer())
    let circumstances = SessionCircumstances(
      actors: actors(json: try row.optionalJSON()), issuer: try row.text(),
      displayName: present(try row.optionalText()), tokenID: try row.text(),
      segment: try row.text(), clientTLS: present(try row.text()),
      serverAddress: present(try row.text()), serverTLS: present(try row.text()),
      grant: try row.text(), bundleVersion: Int(try row.integer()),
      closeMessage: present(try row.optionalText()), log: "\(epoch)/\(lane)",
      policy: present(try row.text()), policyStale: try row.bool() ? true : nil,
      readOnly: try row.bool() ? true : nil)
    return SessionItem(
      id: id, agent: agent, openedAt: openedAt, closedAt: closedAt, lane: lane, info: info,
      circumstances: circumstances)
  }
}
