extension PostgresStore {
  /// Marks a segment as due for a new bundle, and makes it known if it is not.
  ///
  /// The row stays locked until the transaction ends, so that changes and issues of one segment
  /// happen one after the other: an issue sees each change before it, and each later one makes
  /// the segment due again.
  static func touch(segment: String, _ session: PostgresSession) throws(PostgresError) {
    try session.execute(
      """
      INSERT INTO sallyport.segment (name, changes) VALUES ($1, 1)
      ON CONFLICT (name) DO UPDATE SET changes = segment.changes + 1
      """, [.text(segment)])
  }
}
