internal import AuditLog

/// What a batch of leaves adds to a Merkle tree: the nodes that become complete by them.
///
/// All but one node of a level need the batch alone, so they are made before the tree is looked at
/// and its lock is taken; ``joined(to:)`` then costs one hash a level.
struct TreeGrowth: Sendable {
  /// The tree's sizes before and after.
  let from: UInt64
  let size: UInt64
  /// From the leaves up, as long as there are new nodes. The first new node of a level is left out
  /// where a leaf below it stands before the batch.
  private let levels: [[Hash256]]

  /// - Parameters:
  ///   - from: How many leaves the tree has.
  ///   - leaves: At least one, and not so many that the size overflows.
  init(from: UInt64, leaves: [Hash256]) {
    self.from = from
    size = from + UInt64(leaves.count)
    var levels = [leaves]
    while true {
      let below = UInt64(levels.count - 1)
      let level = below + 1
      let (first, end) = (from >> level, size >> level)
      guard first < end else { break }
      let known = levels[levels.count - 1]
      let knownFirst = (from >> below) + (Self.isOpen(from, below) ? 1 : 0)
      var nodes: [Hash256] = []
      nodes.reserveCapacity(Int(end - first))
      for index in first + (Self.isOpen(from, level) ? 1 : 0)..<max(end, first + 1) {
        let left = Int(2 * index - knownFirst)
        nodes.append(MerkleTree.node(known[left], known[left + 1]))
      }
      levels.append(nodes)
    }
    self.levels = levels
  }

  /// Whether the first new node of a level has leaves that stand before the batch.
  private static func isOpen(_ from: UInt64, _ level: UInt64) -> Bool {
    from & ((1 << level) - 1) != 0
  }

  /// The tree after the batch; `nil` when the frontier is not that of the tree before.
  func joined(to frontier: MerkleFrontier) -> GrownTree? {
    guard frontier.size == from else { return nil }
    // By level; the roots stand from the largest to the smallest.
    var subtrees: [Int: Hash256] = [:]
    var roots = frontier.subtrees[...]
    for level in 0..<64 where from >> UInt64(level) & 1 == 1 {
      guard let root = roots.popLast() else { return nil }
      subtrees[level] = root
    }
    var whole: [[Hash256]] = [levels[0]]
    for level in 1..<max(1, levels.count) {
      guard Self.isOpen(from, UInt64(level)) else {
        whole.append(levels[level])
        continue
      }
      let below = whole[level - 1]
      let first: Hash256
      if let left = subtrees[level - 1] {
        first = MerkleTree.node(left, below[0])
      } else {
        first = MerkleTree.node(below[0], below[1])
      }
      whole.append([first] + levels[level])
    }
    return GrownTree(from: from, size: size, levels: whole, subtrees: subtrees)
  }
}

/// A tree after a batch of leaves.
struct GrownTree: Sendable {
  let frontier: MerkleFrontier
  private let from: UInt64
  private let levels: [[Hash256]]

  fileprivate init(from: UInt64, size: UInt64, levels: [[Hash256]], subtrees: [Int: Hash256]) {
    self.from = from
    self.levels = levels
    var roots: [Hash256] = []
    for level in (0..<64).reversed() where size >> UInt64(level) & 1 == 1 {
      let index = size >> UInt64(level) - 1
      if index >= from >> UInt64(level), level < levels.count {
        roots.append(levels[level][Int(index - from >> UInt64(level))])
      } else if let root = subtrees[level] {
        roots.append(root)
      }
    }
    // As many roots as bits: each is new, or one of the tree before.
    frontier = MerkleFrontier(size: size, subtrees: roots) ?? MerkleFrontier()
  }

  /// What the batch adds to the tree's tiles.
  var tiles: [TileGrowth] {
    stride(from: 0, to: levels.count, by: TileNode.height).flatMap { level in
      var growth: [TileGrowth] = []
      var position = from >> UInt64(level)
      var rest = levels[level][...]
      while !rest.isEmpty {
        let start = Int(position % UInt64(TileNode.width))
        let part = rest.prefix(TileNode.width - start)
        growth.append(
          TileGrowth(
            level: level / TileNode.height, index: position / UInt64(TileNode.width), start: start,
            hashes: part.flatMap(\.bytes)))
        position += UInt64(part.count)
        rest = rest.dropFirst(part.count)
      }
      return growth
    }
  }
}

/// Hashes that are put behind those that a tile has.
struct TileGrowth: Sendable, Equatable {
  /// As in C2SP tlog-tiles with height 8: a tile of level 0 has leaves, one of level n the roots of
  /// complete tiles of level n - 1.
  var level: Int
  var index: UInt64
  /// How many hashes the tile has before.
  var start: Int
  var hashes: [UInt8]

  /// How many hashes the tile has then.
  var end: Int { start + hashes.count / Hash256.byteCount }
}
