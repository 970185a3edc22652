package import AuditLog
package import ControlCore
package import GatewayModel

extension PostgresStore: EvidenceStore {
  /// The most bytes of records that are read at once; one record comes all the same.
  private static let maximumPartBytes: Int64 = 16 << 20

  package func storedLogs(of agents: [AgentID]?) async throws(ControlError) -> [StoredLog] {
    try await transact("listing the logs") { session in
      try session.rows(
        """
        WITH RECURSIVE stored AS (
          (SELECT agent, epoch, lane FROM sallyport.every_record
            ORDER BY agent, epoch, lane LIMIT 1)
          UNION ALL
          SELECT n.agent, n.epoch, n.lane FROM stored s CROSS JOIN LATERAL (
            SELECT r.agent, r.epoch, r.lane FROM sallyport.every_record r
            WHERE (r.agent, r.epoch, r.lane) > (s.agent, s.epoch, s.lane)
            ORDER BY r.agent, r.epoch, r.lane LIMIT 1
          ) n
        )
        SELECT agent, epoch, lane, coalesce(c.next_seq, 0), coalesce(c.checkpoint, ''::bytea)
        FROM (
          SELECT agent, epoch, lane FROM stored
          UNION SELECT agent, epoch, lane FROM sallyport.log_cursor WHERE next_seq > 0
        ) l LEFT JOIN sallyport.log_cursor c USING (agent, epoch, lane)
        WHERE $1::uuid[] IS NULL OR agent = ANY ($1)
        ORDER BY agent, lane, epoch DESC
        """, [agents.map { .identifiers($0.map(\.value)) } ?? .null]
      ) { row throws(PostgresError) in
        let agent = AgentID(try row.identifier())
        let epoch = try row.unsigned()
        let lane = UInt32(clamping: try row.integer())
        return StoredLog(
          log: LogID(agent: agent, epoch: epoch, lane: lane), size: try row.unsigned(),
          checkpoint: try row.bytes())
      }
    }
  }

  package func writerKeys() async throws(ControlError) -> [WriterKey] {
    try await transact("reading the agents' audit keys") { session in
      try session.rows("SELECT id, hostname, audit_key FROM sallyport.agent ORDER BY id") {
        row throws(PostgresError) in
        WriterKey(
          agent: AgentID(try row.identifier()), name: try row.text(), key: try row.bytes())
      }
    }
  }

  package func firstSeq(
    of log: LogID, since: WallTime?
  ) async throws(ControlError) -> UInt64? {
    try await transact("reading the log \"\(log)\"") { session in
      try session.row(
        """
        SELECT min(seq) FROM sallyport.every_record
        WHERE agent = $1 AND epoch = $2 AND lane = $3 AND seq >= 0
          AND ($4::timestamptz IS NULL OR received_at >= $4)
        """, Self.key(log) + [.optional(since)]
      ) { row throws(PostgresError) in
        try row.optionalInteger().map { UInt64(clamping: $0) }
      } ?? nil
    }
  }

  package func records(
    of log: LogID, from seq: UInt64, before end: UInt64, limit: Int
  ) async throws(ControlError) -> [StoredRecord] {
    try await page(
      of: log, "seq >= $6 AND seq < $7", [.number(seq), .number(end)], limit: limit
    ).map(\.record)
  }

  package func strayRecords(
    of log: LogID, behind place: Int64?, limit: Int
  ) async throws(ControlError) -> [StrayRecord] {
    // Held against the cursor as it is now: what arrived since the export began is none.
    try await page(
      of: log,
      """
      (seq < 0 OR seq >= coalesce((SELECT next_seq FROM sallyport.log_cursor
        WHERE agent = $1 AND epoch = $2 AND lane = $3), 0))
      AND ($6::bigint IS NULL OR seq > $6)
      """, [place.map { .integer($0) } ?? .null], limit: limit)
  }

  /// The first records of a log that meet a condition.
  ///
  /// Those with the same seq come together, so that the next page can begin behind them.
  private func page(
    of log: LogID, _ condition: String, _ values: [SQLValue], limit: Int
  ) async throws(ControlError) -> [StrayRecord] {
    try await transact("reading the log \"\(log)\"") { session in
      try Self.page(
        of: log, condition, values, limit: limit, bytes: Self.maximumPartBytes, session)
    }
  }

  /// The first records of a log that meet a condition on `seq`, whose values begin with `$6`.
  ///
  /// - Parameters:
  ///   - limit: The most records, but for others with the last seq.
  ///   - bytes: The most bytes of records; one comes all the same.
  static func page(
    of log: LogID, _ condition: String, _ values: [SQLValue], limit: Int, bytes: Int64,
    _ session: PostgresSession
  ) throws(PostgresError) -> [StrayRecord] {
    try session.rows(
      """
      SELECT seq, received_at, at, kind, session, statement, bytes FROM (
        SELECT *, sum(octet_length(bytes)) OVER (ORDER BY seq) AS total,
          rank() OVER (ORDER BY seq) AS number
        FROM (
          SELECT * FROM sallyport.every_record
          WHERE agent = $1 AND epoch = $2 AND lane = $3 AND \(condition)
          ORDER BY seq FETCH FIRST ($4) ROWS WITH TIES
        ) r
      ) r WHERE total <= $5 OR number = 1 ORDER BY seq, received_at
      """,
      key(log) + [.integer(Int64(limit)), .integer(bytes)] + values
    ) { row throws(PostgresError) in
      let seq = try row.integer()
      let record = StoredRecord(
        seq: UInt64(clamping: seq), receivedAt: try row.time(), at: try row.time(),
        kind: try row.text(), session: try row.optionalIdentifier().map { SessionID($0) },
        statement: try row.optionalInteger(), bytes: try row.bytes())
      return StrayRecord(place: seq, record: record)
    }
  }

  /// The first seq of a log that is stored.
  static func firstStored(
    of log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> UInt64? {
    try session.row(
      """
      SELECT min(seq) FROM sallyport.every_record
      WHERE agent = $1 AND epoch = $2 AND lane = $3 AND seq >= 0
      """, key(log)
    ) { row throws(PostgresError) in
      try row.optionalInteger().map { UInt64(clamping: $0) }
    } ?? nil
  }

  package func leaves(
    of log: LogID, _ range: Range<UInt64>
  ) async throws(ControlError) -> [Hash256] {
    do {
      return try await transact("reading the Merkle tree of \"\(log)\"") { session in
        try Self.leaves(range, log, session)
      }
    } catch {
      // What is kept to name an altered record may be altered too: the export is without it then.
      guard error.code == .internal else { throw error }
      return []
    }
  }

  package func frontier(
    of log: LogID, size: UInt64
  ) async throws(ControlError) -> MerkleFrontier {
    try await transact("reading the Merkle tree of \"\(log)\"") { session in
      let nodes = MerkleProof.subtrees(of: 0..<size)
      let subtrees = try Self.hashes(of: nodes, log, session)
      guard let frontier = MerkleFrontier(size: size, subtrees: subtrees) else {
        throw PostgresError(
          code: .unexpected, message: "the tree of \"\(log)\" cannot have \(size) records")
      }
      return frontier
    }
  }
}
