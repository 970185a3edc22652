package import APIModel
internal import AuditLog
package import ControlCore
import Foundation
internal import GatewayModel

/// A session with what happened in it.
extension PostgresStore {
  /// The most refusals without a statement, and the most events, that are shown of a session.
  private static let maximumAsides = 1000

  package func sessions(
    _ query: SessionDetailQuery
  ) async throws(ControlError) -> [SessionDetail] {
    try await transact("reading the session \"\(query.id)\"") { session in
      var search = StatementSearch(StatementQuery())
      search.add("n.id = ", .identifier(query.id.value))
      if let prefix = query.agentPrefix { search.add(agentPrefix: prefix) }
      let condition = search.branches.joined()
      let found = try Self.sessions(
        "\(condition) ORDER BY n.agent LIMIT \(query.limit)", search.values, session)
      return try found.map { try Self.detail($0, query, session) }
    }
  }

  private static func detail(
    _ item: SessionItem, _ query: SessionDetailQuery, _ session: PostgresSession
  ) throws -> SessionDetail {
    var search = statements(of: item)
    search.add("(s.statement IS NOT NULL) = ", .bool(true))
    if let text = query.cursor {
      guard case .session(let statement, let epoch, let lane, let seq) = try TrailCursor(text: text)
      else { throw TrailCursor.unusable(text) }
      search.add(
        "s.statement, s.epoch, s.lane, s.seq", ">",
        [.integer(statement), .number(epoch), .integer(Int64(lane)), .number(seq)])
    }
    let rows = try rows(
      of: bothTables, search, order: "statement, epoch, lane, seq",
      limit: query.statementLimit + 1, session)
    let shown = try page(Array(rows.prefix(query.statementLimit)), session)
    var detail = SessionDetail(session: item.info, statements: shown.map(\.info))
    if shown.count < rows.count { detail.nextCursor = shown.last?.sessionCursor.text }
    guard query.cursor == nil else { return detail }
    detail.circumstances = item.circumstances
    var refusals = statements(of: item)
    refusals.add("(s.statement IS NULL) = ", .bool(true))
    detail.refusals = try page(
      Self.rows(
        of: bothTables, refusals, order: "at, epoch, lane, seq", limit: maximumAsides, session),
      session
    ).map(\.info)
    detail.events = try events(of: item, session)
    return detail
  }

  private static let bothTables = ["sallyport.statement", "sallyport.pending_statement"]

  private static func statements(of item: SessionItem) -> StatementSearch {
    var query = StatementQuery()
    query.session = SessionID(item.id)
    var search = StatementSearch(query)
    search.add("s.agent = ", .identifier(item.agent.value))
    return search
  }

  /// Cancels of the session, and losses of its lane while it was open.
  private static func events(
    of item: SessionItem, _ session: PostgresSession
  ) throws(PostgresError) -> [SessionEvent] {
    let records = try session.rows(
      """
      (SELECT r.epoch, r.lane, r.seq, r.bytes FROM sallyport.record r
        WHERE r.agent = $1 AND r.kind = 'cancel' AND r.session = $2 ORDER BY r.at LIMIT $3)
      UNION ALL
      (SELECT r.epoch, r.lane, r.seq, r.bytes FROM sallyport.record r
        WHERE r.agent = $1 AND r.kind = 'loss' ORDER BY r.at DESC LIMIT $3)
      """,
      [
        .identifier(item.agent.value), .identifier(item.id),
        .integer(Int64(maximumAsides)),
      ]
    ) { row throws(PostgresError) in
      (
        epoch: try row.unsigned(), lane: UInt32(clamping: try row.integer()),
        seq: try row.unsigned(), bytes: try row.bytes()
      )
    }
    var events: [(at: WallTime, event: SessionEvent)] = []
    for record in records {
      guard let decoded = try? RecordDecoder.decode(Data(record.bytes)) else { continue }
      let place = "\(record.epoch)/\(record.lane)/\(record.seq)"
      let at = TimeText.text(decoded.header.time)
      switch decoded.body {
      case .cancel(let cancel):
        let event = SessionEvent(
          kind: "cancel", at: at, statement: cancel.statement.map { Int(clamping: $0.rawValue) },
          clientAddress: present(cancel.clientAddress), record: place)
        events.append((decoded.header.time, event))
      case .loss(let loss)
      where record.lane == item.lane && loss.to >= item.openedAt
        && loss.from <= item.closedAt ?? loss.from:
        let event = SessionEvent(
          kind: "loss", at: at, reason: loss.reason, lostAtMost: Int(clamping: loss.lostAtMost),
          from: TimeText.text(loss.from), to: TimeText.text(loss.to), record: place)
        events.append((decoded.header.time, event))
      default: break
      }
    }
    return events.sorted { $0.at < $1.at }.prefix(maximumAsides).map(\.event)
  }
}
