internal import AuditLog
internal import GatewayModel

extension PostgresStore {
  /// Puts hashes behind those of a log's tiles; the cursor's lock is held.
  static func extend(
    _ tiles: [TileGrowth], _ log: LogID, _ session: PostgresSession
  ) throws(PostgresError) {
    guard !tiles.isEmpty else { return }
    let ends = try session.rows(
      """
      INSERT INTO sallyport.merkle_tile AS t (agent, epoch, lane, level, index, hashes)
      SELECT $1, $2, $3, n.level::integer, n.index, n.hashes
      FROM unnest($4::bigint[], $5::bigint[], $6::bytea[]) n (level, index, hashes)
      ON CONFLICT (agent, epoch, lane, level, index)
        DO UPDATE SET hashes = t.hashes || excluded.hashes
      RETURNING level, index, octet_length(hashes)
      """,
      key(log) + [
        .integers(tiles.map { Int64($0.level) }),
        .integers(tiles.map { Int64(clamping: $0.index) }), .byteStrings(tiles.map(\.hashes)),
      ]
    ) { row throws(PostgresError) in
      (
        TileNode.Tile(level: Int(try row.integer()), index: try row.unsigned()),
        Int(try row.integer())
      )
    }
    let stored = Dictionary(ends, uniquingKeysWith: max)
    for tile in tiles {
      let key = TileNode.Tile(level: tile.level, index: tile.index)
      // More or less than before this batch: somebody has changed the tile.
      guard stored[key] == tile.end * Hash256.byteCount else {
        throw PostgresError(
          code: .unexpected,
          message: "tile \(tile.level)/\(tile.index) of the log \"\(log)\" had not "
            + "\(tile.start) hashes")
      }
    }
  }

  /// The hashes of nodes of a log's tree, each named by the leaves below it.
  ///
  /// - Throws: `unexpected` when the tree has no such node.
  static func hashes(
    of nodes: [Range<UInt64>], _ log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> [Hash256] {
    let parts = nodes.map { MerkleProof.subtrees(of: $0).map(TileNode.init) }
    let tiles = Set(parts.joined().compactMap(\.?.tile))
    let found = try session.rows(
      """
      SELECT t.level, t.index, t.hashes FROM sallyport.merkle_tile t
      JOIN unnest($4::bigint[], $5::bigint[]) n (level, index)
        ON n.level = t.level AND n.index = t.index
      WHERE t.agent = $1 AND t.epoch = $2 AND t.lane = $3
      """,
      key(log) + [
        .integers(tiles.map { Int64($0.level) }),
        .integers(tiles.map { Int64(clamping: $0.index) }),
      ]
    ) { row throws(PostgresError) in
      (
        TileNode.Tile(level: Int(try row.integer()), index: try row.unsigned()),
        try row.bytes()
      )
    }
    let stored = Dictionary(found, uniquingKeysWith: { first, _ in first })
    var hashes: [Hash256] = []
    for (node, parts) in zip(nodes, parts) {
      var subtrees: [Hash256] = []
      for part in parts {
        guard let part, let hash = part.hash(in: stored[part.tile] ?? []) else {
          throw PostgresError(
            code: .unexpected,
            message: "the Merkle tree of the log \"\(log)\" has no node over the records "
              + "\(node.lowerBound)..<\(node.upperBound)")
        }
        subtrees.append(hash)
      }
      hashes.append(MerkleTree.joined(subtrees))
    }
    return hashes
  }

  /// The leaves of a range of a log's records, as far as they are stored.
  ///
  /// - Parameter range: Bounded by the caller: all are held.
  static func leaves(
    _ range: Range<UInt64>, _ log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> [Hash256] {
    try hashes(of: range.map { $0..<$0 + 1 }, log, session)
  }

  /// The root of a log's tree when it had `size` records.
  static func root(
    _ log: LogID, size: UInt64, _ session: PostgresSession
  ) throws(PostgresError) -> Hash256 {
    guard size > 0 else { return MerkleTree.emptyRoot }
    return try hashes(of: [0..<size], log, session).first ?? MerkleTree.emptyRoot
  }
}
