import GRDB

extension AgentState {
  /// How far each log was acknowledged, by epoch and lane. A log that is not in it starts at 0.
  package func shippingCursors() async throws(AgentStateError) -> [ShippingCursor] {
    try await read("reading the shipping cursors") { db in
      try Row.fetchAll(
        db, sql: "SELECT epoch, lane, next_seq FROM shipping_cursor ORDER BY epoch, lane"
      ).map { row in
        ShippingCursor(
          epoch: UInt64(clamping: row["epoch"] as Int64),
          lane: UInt32(clamping: row["lane"] as Int64),
          nextSeq: UInt64(clamping: row["next_seq"] as Int64))
      }
    }
  }

  /// Moves a log's cursor. It may move back: the control plane's cursor is the truth, also after
  /// it was restored from a backup.
  package func moveCursor(_ cursor: ShippingCursor) async throws(AgentStateError) {
    let path = self.path
    try await write("moving a shipping cursor") { db in
      guard let epoch = Int64(exactly: cursor.epoch), let next = Int64(exactly: cursor.nextSeq)
      else { throw Self.unstorable("cursor \(cursor.epoch)/\(cursor.nextSeq)", path) }
      try db.execute(
        sql: """
          INSERT INTO shipping_cursor (epoch, lane, next_seq) VALUES (?, ?, ?)
          ON CONFLICT (epoch, lane) DO UPDATE SET next_seq = excluded.next_seq
          """,
        arguments: [epoch, Int64(cursor.lane), next])
    }
  }
}
