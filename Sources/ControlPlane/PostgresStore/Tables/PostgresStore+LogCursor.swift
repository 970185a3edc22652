internal import AuditLog
internal import ControlCore
internal import GatewayModel

/// How far a log is stored, as its row says under its lock.
struct LogCursor: Sendable {
  var nextSeq: UInt64
  /// The time of this batch by the database's clock; it never falls within a log.
  var receivedAt: WallTime
  /// The last signed note; empty for none.
  var note: [UInt8]
  /// `nil` until the tree is made of the records, for logs from before there were trees.
  var frontier: [UInt8]?
  /// The first record that no named backup has; 0 when none was named.
  var horizonSeq: UInt64
}

extension PostgresStore {
  /// The columns that name a log, as the first three parameters.
  static func key(_ log: LogID) -> [SQLValue] {
    [.identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane))]
  }

  /// Locks the cursor of a log until the transaction ends; makes it for a log that is new.
  static func lockCursor(
    _ log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> LogCursor {
    if let cursor = try lockedCursor(log, session) { return cursor }
    // A log that is new is behind every backup, with all of its records; 0 would say that there is
    // no backup, and agents keep whole segments.
    try session.execute(
      """
      INSERT INTO sallyport.log_cursor
        (agent, epoch, lane, next_seq, checkpoint, received_at, frontier, horizon_seq)
      VALUES ($1, $2, $3, 0, '', clock_timestamp(), '',
        CASE WHEN EXISTS (SELECT FROM sallyport.backup_horizon) THEN 1 ELSE 0 END)
      ON CONFLICT DO NOTHING
      """, key(log))
    guard let cursor = try lockedCursor(log, session) else {
      throw PostgresError(code: .unexpected, message: "the cursor of the log \"\(log)\" is gone")
    }
    return cursor
  }

  private static func lockedCursor(
    _ log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> LogCursor? {
    try session.row(
      """
      SELECT next_seq, greatest(clock_timestamp(), received_at), checkpoint, frontier, horizon_seq
      FROM sallyport.log_cursor WHERE agent = $1 AND epoch = $2 AND lane = $3 FOR UPDATE
      """, key(log)
    ) { row throws(PostgresError) in
      LogCursor(
        nextSeq: try row.unsigned(), receivedAt: try row.time(), note: try row.bytes(),
        frontier: try row.optionalBytes(), horizonSeq: try row.unsigned())
    }
  }

  /// The frontier of a log whose cursor is locked; made of the stored records when it is not known.
  static func frontier(
    of cursor: LogCursor, _ log: LogID, _ session: PostgresSession
  ) throws -> MerkleFrontier {
    guard let bytes = cursor.frontier else { return try plantTree(of: cursor, log, session) }
    let subtrees = stride(from: 0, to: bytes.count, by: Hash256.byteCount).compactMap { start in
      Hash256(bytes: bytes[start..<min(bytes.count, start + Hash256.byteCount)])
    }
    guard subtrees.count * Hash256.byteCount == bytes.count,
      let frontier = MerkleFrontier(size: cursor.nextSeq, subtrees: subtrees)
    else {
      throw PostgresError(
        code: .unexpected,
        message: "the frontier of the log \"\(log)\" has \(bytes.count) bytes, which does not fit "
          + "\(cursor.nextSeq) records")
    }
    return frontier
  }

  /// Makes the tree of a log from before there were trees, record by record.
  ///
  /// - Throws: `internal` when a record is missing.
  private static func plantTree(
    of cursor: LogCursor, _ log: LogID, _ session: PostgresSession
  ) throws -> MerkleFrontier {
    // A long log takes longer than a statement usually may, but each part is one of its own.
    try session.script("SET LOCAL idle_in_transaction_session_timeout = 0")
    var frontier = MerkleFrontier()
    while frontier.size < cursor.nextSeq {
      let leaves = try session.rows(
        """
        SELECT bytes FROM sallyport.record
        WHERE agent = $1 AND epoch = $2 AND lane = $3 AND seq >= $4 AND seq < $5 ORDER BY seq
        """,
        key(log) + [
          .number(frontier.size), .number(min(cursor.nextSeq, frontier.size + treePart)),
        ], { row throws(PostgresError) in MerkleTree.leaf(try row.bytes()) })
      let expected = min(cursor.nextSeq - frontier.size, treePart)
      guard UInt64(leaves.count) == expected,
        let grown = TreeGrowth(
          from: frontier.size, leaves: leaves
        ).joined(to: frontier)
      else {
        throw ControlError(
          .internal,
          "Of the \(expected) records of the log \"\(log)\" from seq \(frontier.size) on, "
            + "\(leaves.count) are stored.",
          remedy: "Restore the control plane's database from a backup.")
      }
      try extend(grown.tiles, log, session)
      frontier = grown.frontier
    }
    try session.execute(
      """
      UPDATE sallyport.log_cursor SET frontier = $4, root = $5
      WHERE agent = $1 AND epoch = $2 AND lane = $3
      """,
      key(log) + [.bytes(frontier.subtrees.flatMap(\.bytes)), .bytes(frontier.root.bytes)])
    return frontier
  }

  /// How many records are read at a time to make a tree; at 256 KiB each what a batch may have.
  private static let treePart: UInt64 = 1024
}
