/// What has to be kept of a Merkle tree to append to it: the roots of its complete subtrees, from
/// the largest to the smallest, one for each bit that is set in its size (RFC 6962, section 2.1).
///
/// An append costs two hashes on average, the root at most one for each bit.
package struct MerkleFrontier: Hashable, Sendable {
  package private(set) var size: UInt64 = 0
  package private(set) var subtrees: [Hash256] = []

  package init() {}

  /// The frontier of a tree of `size` leaves.
  ///
  /// - Returns: `nil` when there are not as many roots as the size has bits, or it is too large.
  package init?(size: UInt64, subtrees: [Hash256]) {
    guard size <= MerkleTree.maximumSize, subtrees.count == size.nonzeroBitCount else {
      return nil
    }
    self.size = size
    self.subtrees = subtrees
  }

  package mutating func append(_ leaf: Hash256) {
    var node = leaf
    // Each one at the end of the size in binary is a subtree as large as the node by then.
    for _ in 0..<(~size).trailingZeroBitCount {
      guard let left = subtrees.popLast() else { break }
      node = MerkleTree.node(left, node)
    }
    subtrees.append(node)
    size &+= 1
  }

  package var root: Hash256 { MerkleTree.joined(subtrees) }
}
