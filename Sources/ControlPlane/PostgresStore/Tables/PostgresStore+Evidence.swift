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
        SELECT agent, epoch, lane, next_seq, checkpoint FROM sallyport.log_cursor
        WHERE ($1::uuid[] IS NULL OR agent = ANY ($1)) AND next_seq > 0
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
        WHERE agent = $1 AND epoch = $2 AND lane = $3
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
    try await transact("reading the log \"\(log)\"") { session in
      try session.rows(
        """
        SELECT seq, received_at, at, kind, session, statement, bytes FROM (
          SELECT *, sum(octet_length(bytes)) OVER (ORDER BY seq, received_at) AS total,
            row_number() OVER (ORDER BY seq, received_at) AS number
          FROM (
            SELECT * FROM sallyport.every_record
            WHERE agent = $1 AND epoch = $2 AND lane = $3 AND seq >= $4 AND seq < $5
            ORDER BY seq, received_at LIMIT $6
          ) r
        ) r WHERE total <= $7 OR number = 1 ORDER BY seq, received_at
        """,
        Self.key(log) + [
          .number(seq), .number(end), .integer(Int64(limit)), .integer(Self.maximumPartBytes),
        ]
      ) { row throws(PostgresError) in
        StoredRecord(
          seq: try row.unsigned(), receivedAt: try row.time(), at: try row.time(),
          kind: try row.text(), session: try row.optionalIdentifier().map { SessionID($0) },
          statement: try row.optionalInteger(), bytes: try row.bytes())
      }
    }
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
