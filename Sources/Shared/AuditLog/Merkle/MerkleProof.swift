/// Which nodes of a tree prove something, and whether they do (RFC 6962, section 2.1; the checks as
/// in RFC 9162, sections 2.1.3.2 and 2.1.4.2, which has them as loops).
///
/// A node is named by the leaves below it. Whoever makes a proof looks the hashes up, for example
/// by ``subtrees(of:)``.
package enum MerkleProof {
  // MARK: Making

  /// The nodes that prove that the leaf `index` is in the tree of `size` leaves, from the leaf up;
  /// `nil` when there is no such leaf.
  package static func inclusion(of index: UInt64, in size: UInt64) -> [Range<UInt64>]? {
    guard index < size, size <= MerkleTree.maximumSize else { return nil }
    var path: [Range<UInt64>] = []
    var node = 0..<size
    while node.count > 1 {
      let (left, right) = split(node)
      if left.contains(index) {
        path.append(right)
        node = left
      } else {
        path.append(left)
        node = right
      }
    }
    return path.reversed()
  }

  /// The nodes that prove that the tree of `size` leaves begins with the tree of `first` leaves,
  /// in the order of RFC 6962; `nil` when `first` is larger.
  ///
  /// Empty when both are one, and where `first` is 0, since every tree begins with the empty one.
  package static func consistency(from first: UInt64, to size: UInt64) -> [Range<UInt64>]? {
    guard first <= size, size <= MerkleTree.maximumSize else { return nil }
    guard first > 0, first < size else { return [] }
    var path: [Range<UInt64>] = []
    var node = 0..<size
    // Whether the node is one of the first tree's own, so that its root is known.
    var isWhole = true
    while node.upperBound != first {
      let (left, right) = split(node)
      if first <= left.upperBound {
        path.append(right)
        node = left
      } else {
        path.append(left)
        node = right
        isWhole = false
      }
    }
    if !isWhole { path.append(node) }
    return path.reversed()
  }

  /// The complete subtrees that a node is made of, from left to right; one for a complete node.
  package static func subtrees(of node: Range<UInt64>) -> [Range<UInt64>] {
    var parts: [Range<UInt64>] = []
    var rest = node
    while !rest.isEmpty {
      let size = UInt64(1) << (63 - UInt64(rest.count).leadingZeroBitCount)
      parts.append(rest.lowerBound..<rest.lowerBound + size)
      rest = rest.lowerBound + size..<rest.upperBound
    }
    return parts
  }

  /// Left: the largest power of two that is smaller than the whole.
  private static func split(_ node: Range<UInt64>) -> (Range<UInt64>, Range<UInt64>) {
    let size = UInt64(1) << (63 - UInt64(node.count - 1).leadingZeroBitCount)
    let middle = node.lowerBound + size
    return (node.lowerBound..<middle, middle..<node.upperBound)
  }

  // MARK: Checking

  /// Whether `path` proves that `leaf` is the leaf `index` of the tree with this size and root.
  package static func includes(
    _ leaf: Hash256, at index: UInt64, size: UInt64, root: Hash256, path: [Hash256]
  ) -> Bool {
    guard index < size else { return false }
    var (position, last, hash) = (index, size - 1, leaf)
    for sibling in path {
      guard last > 0 else { return false }
      if position & 1 == 1 || position == last {
        hash = MerkleTree.node(sibling, hash)
        // At the right edge a node stands for all levels up to where it is a right child. Not zero
        // there, so that the shift ends.
        let levels = position.trailingZeroBitCount
        position >>= levels
        last >>= levels
      } else {
        hash = MerkleTree.node(hash, sibling)
      }
      position >>= 1
      last >>= 1
    }
    return last == 0 && hash == root
  }

  /// Whether `path` proves that the tree `second` begins with the tree `first`.
  package static func isConsistent(
    _ first: (size: UInt64, root: Hash256), _ second: (size: UInt64, root: Hash256),
    path: [Hash256]
  ) -> Bool {
    guard first.size <= second.size else { return false }
    guard first.size < second.size else { return path.isEmpty && first.root == second.root }
    guard first.size > 0 else { return path.isEmpty && first.root == MerkleTree.emptyRoot }
    let isComplete = first.size & (first.size - 1) == 0
    guard let start = isComplete ? first.root : path.first else { return false }
    let shift = (~(first.size - 1)).trailingZeroBitCount
    var position = (first.size - 1) >> shift
    var last = (second.size - 1) >> shift
    var (firstHash, secondHash) = (start, start)
    for node in isComplete ? path[...] : path.dropFirst() {
      guard last > 0 else { return false }
      if position & 1 == 1 || position == last {
        firstHash = MerkleTree.node(node, firstHash)
        secondHash = MerkleTree.node(node, secondHash)
        let levels = position.trailingZeroBitCount
        position >>= levels
        last >>= levels
      } else {
        secondHash = MerkleTree.node(secondHash, node)
      }
      position >>= 1
      last >>= 1
    }
    return last == 0 && firstHash == first.root && secondHash == second.root
  }
}
