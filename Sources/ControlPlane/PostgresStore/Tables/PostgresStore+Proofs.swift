package import AuditLog
package import ControlCore
package import GatewayModel

/// Proofs about the logs' Merkle trees, made of their tiles alone.
extension PostgresStore {
  /// The root of a log's tree when it had `size` records.
  ///
  /// - Throws: `notFound` when the log has fewer.
  package func root(_ log: LogID, size: UInt64) async throws(ControlError) -> Hash256 {
    try await proving(log, size: size) { session in try Self.root(log, size: size, session) }
  }

  /// Proves that the record `index` is in the tree of `size` records, from the leaf up.
  ///
  /// - Throws: `notFound` when the log has fewer, or the tree no such record.
  package func inclusionProof(
    _ log: LogID, index: UInt64, size: UInt64
  ) async throws(ControlError) -> [Hash256] {
    guard let nodes = MerkleProof.inclusion(of: index, in: size) else {
      throw Self.noSuchTree("record \(index) of \(size)", log)
    }
    return try await proving(log, size: size) { session in
      try Self.hashes(of: nodes, log, session)
    }
  }

  /// Proves that the tree of `size` records begins with that of `first`.
  ///
  /// - Throws: `notFound` when the log has fewer, or `first` is larger.
  package func consistencyProof(
    _ log: LogID, from first: UInt64, to size: UInt64
  ) async throws(ControlError) -> [Hash256] {
    guard let nodes = MerkleProof.consistency(from: first, to: size) else {
      throw Self.noSuchTree("size \(first) before \(size)", log)
    }
    return try await proving(log, size: size) { session in
      try Self.hashes(of: nodes, log, session)
    }
  }

  /// Reads a tree that has at least `size` records, and is made first if it was not yet.
  private func proving<Result: Sendable>(
    _ log: LogID, size: UInt64, _ read: @escaping @Sendable (PostgresSession) throws -> Result
  ) async throws(ControlError) -> Result {
    try await transact("reading the Merkle tree of \"\(log)\"") { session in
      let stored = try session.row(
        """
        SELECT next_seq, frontier IS NOT NULL FROM sallyport.log_cursor
        WHERE agent = $1 AND epoch = $2 AND lane = $3
        """, Self.key(log)
      ) { row throws(PostgresError) in (size: try row.unsigned(), hasTree: try row.bool()) }
      guard let stored, size <= stored.size else {
        throw Self.noSuchTree("\(size) records", log)
      }
      if !stored.hasTree {
        _ = try Self.frontier(of: try Self.lockCursor(log, session), log, session)
      }
      return try read(session)
    }
  }

  private static func noSuchTree(_ what: String, _ log: LogID) -> ControlError {
    ControlError(
      .notFound, "The log \"\(log)\" has no tree with \(what).",
      remedy: "See the view sallyport.logs for the logs there are.")
  }
}
