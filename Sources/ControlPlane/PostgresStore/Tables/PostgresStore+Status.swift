package import ControlCore

extension PostgresStore: StatusStore {
  package func counts() async throws(ControlError) -> StoredCounts {
    try await transact("counting") { session in
      // A log begins at 0 and has no gaps, so its cursor is the count of its records; counting
      // the table itself would take minutes in a grown trail.
      let counts = try session.row(
        """
        SELECT (SELECT count(*) FROM sallyport.connection),
          (SELECT coalesce(sum(jsonb_array_length(d.document -> 'grants')), 0)::bigint
            FROM sallyport.policy_document d JOIN sallyport.policy_head h USING (version)),
          (SELECT coalesce(sum(next_seq), 0)::bigint FROM sallyport.log_cursor)
        """
      ) { row throws(PostgresError) in
        StoredCounts(
          connections: Int(try row.integer()), grants: Int(try row.integer()),
          records: Int(try row.integer()))
      }
      return counts ?? StoredCounts(connections: 0, grants: 0, records: 0)
    }
  }

  package func ping() async throws(ControlError) {
    try await transact("asking the database") { session in
      try session.script("SELECT 1")
    }
  }
}
