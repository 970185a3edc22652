import Crypto

/// The hashes of an RFC 6962 Merkle tree over records (section 2.1).
package enum MerkleTree {
  /// The largest size a tree can have here: what a signed count of records can hold.
  package static let maximumSize = UInt64(Int64.max)

  /// The root of the tree without leaves: the hash of nothing.
  package static let emptyRoot = Hash256(SHA256.hash(data: [UInt8]()))

  /// `SHA-256(0x00 ‖ record)`.
  package static func leaf(_ record: UnsafeRawBufferPointer) -> Hash256 {
    var hash = SHA256()
    withUnsafeBytes(of: UInt8(0)) { hash.update(bufferPointer: $0) }
    hash.update(bufferPointer: record)
    return Hash256(hash.finalize())
  }

  package static func leaf(_ record: [UInt8]) -> Hash256 { record.withUnsafeBytes { leaf($0) } }

  /// `SHA-256(0x01 ‖ left ‖ right)`.
  package static func node(_ left: Hash256, _ right: Hash256) -> Hash256 {
    var hash = SHA256()
    withUnsafeBytes(of: UInt8(1)) { hash.update(bufferPointer: $0) }
    left.withUnsafeBytes { hash.update(bufferPointer: $0) }
    right.withUnsafeBytes { hash.update(bufferPointer: $0) }
    return Hash256(hash.finalize())
  }

  /// The hash of the node that these complete subtrees make up, from left to right.
  package static func joined(_ subtrees: [Hash256]) -> Hash256 {
    guard var hash = subtrees.last else { return emptyRoot }
    for left in subtrees.dropLast().reversed() { hash = node(left, hash) }
    return hash
  }
}
