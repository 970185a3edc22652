internal import GatewayModel

/// The statements that have begun and whose outcome is not settled yet, by session.
///
/// Each act costs what it gives back and no more, so that a batch is read in time proportional to
/// its records: an agent can close as many sessions in a batch as it likes.
struct PendingStatements: Sendable {
  private var sessions: [Identifier128: [UInt64: StatementRow]] = [:]

  /// Rows without a session or a statement are left out: nothing could settle them.
  init(_ rows: [StatementRow]) {
    for row in rows {
      guard let key = BatchProjection.Key(row) else { continue }
      self[key] = row
    }
  }

  subscript(key: BatchProjection.Key) -> StatementRow? {
    get { sessions[key.session]?[key.statement] }
    set { sessions[key.session, default: [:]][key.statement] = newValue }
  }

  /// In the order of their begins.
  var rows: [StatementRow] { Self.inOrder(sessions.values.flatMap(\.values)) }

  mutating func take(_ key: BatchProjection.Key) -> StatementRow? {
    sessions[key.session]?.removeValue(forKey: key.statement)
  }

  /// Takes the statements of one session, in the order of their begins.
  mutating func takeAll(of session: Identifier128) -> [StatementRow] {
    guard let rows = sessions.removeValue(forKey: session) else { return [] }
    return Self.inOrder(Array(rows.values))
  }

  /// Takes the statements of all sessions, in the order of their begins.
  mutating func takeAll() -> [StatementRow] {
    defer { sessions = [:] }
    return rows
  }

  private static func inOrder(_ rows: [StatementRow]) -> [StatementRow] {
    rows.sorted { $0.seq < $1.seq }
  }
}
