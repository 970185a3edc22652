internal import AuditLog

/// Where the hashes stand that a complete subtree's root is made of: up to 128 hashes of one tile.
///
/// Tiles as in C2SP tlog-tiles with height 8: the root of a subtree of `256^n` leaves stands in a
/// tile of level n; a larger one is made of its parts there.
struct TileNode: Hashable, Sendable {
  /// The levels of the tree that a tile spans, and the hashes it has at most.
  static let height = 8
  static let width = 256

  struct Tile: Hashable, Sendable {
    var level: Int
    var index: UInt64
  }

  let tile: Tile
  /// In hashes, not bytes.
  let range: Range<Int>

  /// - Parameter leaves: Those below the node.
  /// - Returns: `nil` when they are not those of a complete subtree.
  init?(_ leaves: Range<UInt64>) {
    guard leaves.lowerBound < leaves.upperBound else { return nil }
    let size = leaves.upperBound - leaves.lowerBound
    guard size & (size - 1) == 0, leaves.lowerBound % size == 0 else { return nil }
    let level = size.trailingZeroBitCount
    let first = leaves.lowerBound >> UInt64(level / Self.height * Self.height)
    let start = Int(first % UInt64(Self.width))
    tile = Tile(level: level / Self.height, index: first / UInt64(Self.width))
    range = start..<start + 1 << (level % Self.height)
  }

  /// The node's hash.
  ///
  /// - Parameter hashes: The tile's, one behind the other.
  /// - Returns: `nil` when the tile has fewer.
  func hash(in hashes: [UInt8]) -> Hash256? {
    guard range.upperBound * Hash256.byteCount <= hashes.count else { return nil }
    var nodes: [Hash256] = []
    for index in range {
      let start = index * Hash256.byteCount
      guard let hash = Hash256(bytes: hashes[start..<start + Hash256.byteCount]) else {
        return nil
      }
      nodes.append(hash)
    }
    while nodes.count > 1 {
      nodes = stride(from: 0, to: nodes.count, by: 2).map {
        MerkleTree.node(nodes[$0], nodes[$0 + 1])
      }
    }
    return nodes.first
  }
}
