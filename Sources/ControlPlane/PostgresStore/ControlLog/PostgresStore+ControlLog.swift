internal import AuditLog
package import ControlCore
internal import GatewayModel

extension PostgresStore: RecordingStore {
  package func recording(_ entry: ControlLogEntry) -> PostgresStore {
    var store = self
    store.entry = entry
    return store
  }

  /// Appends the entry that the changes of this store are to be told by, if there is one.
  ///
  /// The last thing in a transaction before COMMIT: all replicas wait for the lock of the log.
  func record(in session: PostgresSession) throws {
    guard let entry else { return }
    try Self.append(entry, session)
  }

  /// Appends an entry to the control plane's own log and moves the log's cursor.
  static func append(_ entry: ControlLogEntry, _ session: PostgresSession) throws {
    let log = entry.log
    let cursor = try lockCursor(log, session)
    let frontier = try frontier(of: cursor, log, session)
    // No earlier than the last, also when the clock was put back.
    let appended = try entry.appended(to: frontier, at: cursor.receivedAt)
    guard
      let grown = TreeGrowth(from: frontier.size, leaves: [appended.leaf]).joined(to: frontier)
    else {
      throw PostgresError(
        code: .unexpected, message: "the frontier of the control plane's own log is damaged")
    }
    try insert(appended, log, session)
    try extend(grown.tiles, log, session)
    try session.execute(
      """
      UPDATE sallyport.log_cursor
      SET next_seq = $4, frontier = $5, root = $6, checkpoint = $7, received_at = $8, last_at = $8,
        began_at = coalesce(began_at, $8)
      WHERE agent = $1 AND epoch = $2 AND lane = $3
      """,
      key(log) + [
        .number(appended.frontier.size), .bytes(appended.frontier.subtrees.flatMap(\.bytes)),
        .bytes(appended.frontier.root.bytes), .bytes(appended.checkpoint),
        .time(cursor.receivedAt),
      ])
  }

  private static func insert(
    _ entry: AppendedEntry, _ log: LogID, _ session: PostgresSession
  ) throws {
    let time = SQLValue.time(entry.header.time)
    try session.execute(
      """
      INSERT INTO sallyport.record (agent, epoch, lane, seq, received_at, at, kind, bytes)
      VALUES ($1, $2, $3, $4, $5, $5, $6, $7)
      """,
      key(log) + [
        .number(entry.header.seq), time, .text(entry.body.kind.rawValue), .bytes(entry.bytes),
      ])
    let row = ControlEntryRow(header: entry.header, summary: ControlLogSummary(entry.body))
    try session.execute(
      """
      INSERT INTO sallyport.control_entry (\(ControlEntryRow.columnNames.joined(separator: ", ")))
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
      """, row.values)
  }
}
