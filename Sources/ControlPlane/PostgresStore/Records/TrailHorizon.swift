/// Up to which position the trail is complete, so that who follows it misses nothing.
///
/// Batches draw their positions from a sequence and commit in any order: a batch with position 7
/// can become visible before one with position 6. A follower that had gone on behind 7 would never
/// see 6. So each batch, before it draws its position, takes a shared advisory lock whose key holds
/// the last position drawn so far; its own position is above that. A follower reads the sequence,
/// then the locks, then, with a fresh snapshot, the rows up to the smaller of the two:
///
/// - A position up to the sequence's value was drawn by a batch that had its lock before.
/// - If the lock is still held, its key is below that position, and the horizon with it.
/// - If not, the batch has ended. A transaction becomes visible before its locks are released, so
///   the fresh snapshot has its rows.
///
/// Transaction ids (`pg_snapshot_xmin`) would do too, but any transaction that writes in any
/// database of the server would hold them back, and they begin anew when a dump is restored.
enum TrailHorizon {
  /// The upper 16 bits of the locks' keys: "SP" in ASCII.
  static let lockTag: Int64 = 0x5350

  /// The highest position that is complete. Call it in a transaction under READ COMMITTED.
  static func read(_ session: PostgresSession) throws(PostgresError) -> Int64 {
    let drawn =
      try session.row("SELECT last_value FROM sallyport.trail_position") {
        row throws(PostgresError) in try row.integer()
      } ?? 0
    // pg_locks shows the upper half of a key as classid and the lower as objid.
    let held = try session.row(
      """
      SELECT min(((classid::bigint & 65535) << 32) | objid::bigint) FROM pg_locks
      WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = $1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      """, [.integer(lockTag)],
      { row throws(PostgresError) in try row.optionalInteger() })
    guard let held, let lowest = held else { return drawn }
    return min(drawn, lowest)
  }
}
