import Foundation
import Testing

@testable import AuditLog

/// Against Tests/Vectors/merkle, made by an implementation that shares nothing with this one.
@Suite struct MerkleTests {
  struct Vector: Decodable, CustomTestStringConvertible {
    struct Inclusion: Decodable {
      var index: UInt64
      var path: [String]
    }
    struct Consistency: Decodable {
      var first: UInt64
      var path: [String]
    }
    var size: UInt64
    var root: String
    var inclusion: [Inclusion]
    var consistency: [Consistency]

    var testDescription: String { "\(size) leaves" }
  }

  private static let vectors: [Vector] = {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let file = folder.appending(path: "Vectors/merkle/vectors.json")
    guard let data = try? Data(contentsOf: file),
      let vectors = try? JSONDecoder().decode([Vector].self, from: data)
    else { return [] }
    return vectors
  }()

  private static let leaves: [Hash256] = (0..<1_100).map { index in
    MerkleTree.leaf(withUnsafeBytes(of: UInt32(index).bigEndian) { Array($0) })
  }

  private static func frontier(_ size: UInt64) -> MerkleFrontier {
    var frontier = MerkleFrontier()
    for leaf in leaves.prefix(Int(size)) { frontier.append(leaf) }
    return frontier
  }

  /// The hash of a node, by its complete subtrees.
  private static func hash(_ node: Range<UInt64>) -> Hash256 {
    MerkleTree.joined(
      MerkleProof.subtrees(of: node).map { part in
        var frontier = MerkleFrontier()
        for leaf in leaves[Int(part.lowerBound)..<Int(part.upperBound)] { frontier.append(leaf) }
        #expect(frontier.subtrees.count == 1)
        return frontier.root
      })
  }

  @Test func thereAreVectors() {
    #expect(Self.vectors.count == 34)
    #expect(Self.vectors.map(\.size).contains(1_025))
  }

  @Test(arguments: vectors) func roots(vector: Vector) throws {
    let frontier = Self.frontier(vector.size)
    #expect(frontier.size == vector.size)
    #expect(frontier.root.description == vector.root)
    let kept = try #require(
      MerkleFrontier(size: frontier.size, subtrees: frontier.subtrees))
    #expect(kept.root.description == vector.root)
  }

  @Test(arguments: vectors) func inclusionProofs(vector: Vector) throws {
    let root = Self.frontier(vector.size).root
    for expected in vector.inclusion {
      let nodes = try #require(MerkleProof.inclusion(of: expected.index, in: vector.size))
      let path = nodes.map(Self.hash)
      #expect(path.map(\.description) == expected.path)
      let leaf = Self.leaves[Int(expected.index)]
      func holds(
        _ leaf: Hash256, _ index: UInt64, _ size: UInt64, _ path: [Hash256]
      ) -> Bool {
        MerkleProof.includes(leaf, at: index, size: size, root: root, path: path)
      }
      #expect(holds(leaf, expected.index, vector.size, path))
      #expect(!holds(Self.leaves[1_099], expected.index, vector.size, path))
      #expect(!holds(leaf, expected.index + 1, vector.size, path))
      #expect(!holds(leaf, expected.index, vector.size, path + [root]))
      if !path.isEmpty {
        #expect(!holds(leaf, expected.index, vector.size, Array(path.dropLast())))
        #expect(!holds(leaf, expected.index, vector.size, [root] + path.dropFirst()))
      }
    }
    #expect(MerkleProof.inclusion(of: vector.size, in: vector.size) == nil)
  }

  @Test(arguments: vectors) func consistencyProofs(vector: Vector) throws {
    let second = (size: vector.size, root: Self.frontier(vector.size).root)
    for expected in vector.consistency {
      let nodes = try #require(MerkleProof.consistency(from: expected.first, to: vector.size))
      let path = nodes.map(Self.hash)
      #expect(path.map(\.description) == expected.path)
      let first = (size: expected.first, root: Self.frontier(expected.first).root)
      #expect(MerkleProof.isConsistent(first, second, path: path))
      #expect(!MerkleProof.isConsistent(first, second, path: path + [first.root]))
      let other = (size: expected.first, root: Self.leaves[1_099])
      #expect(!MerkleProof.isConsistent(other, second, path: path))
      #expect(!MerkleProof.isConsistent(first, (vector.size, other.root), path: path))
      if !path.isEmpty {
        #expect(!MerkleProof.isConsistent(first, second, path: Array(path.dropLast())))
        #expect(!MerkleProof.isConsistent(first, second, path: [other.root] + path.dropFirst()))
      }
    }
    #expect(MerkleProof.consistency(from: vector.size + 1, to: vector.size) == nil)
  }

  /// Every tree begins with the empty one, and none with one that is not.
  @Test func theEmptyTree() {
    let tree = (size: UInt64(7), root: Self.frontier(7).root)
    #expect(MerkleProof.isConsistent((0, MerkleTree.emptyRoot), tree, path: []))
    #expect(!MerkleProof.isConsistent((0, tree.root), tree, path: []))
    #expect(!MerkleProof.isConsistent((0, MerkleTree.emptyRoot), tree, path: [tree.root]))
    #expect(!MerkleProof.isConsistent(tree, (0, MerkleTree.emptyRoot), path: []))
  }

  /// Sizes as a peer can state them.
  @Test(arguments: [UInt64.max, UInt64.max - 1, MerkleTree.maximumSize + 1] as [UInt64])
  func sizesThatCannotBe(size: UInt64) {
    let root = Self.leaves[0]
    #expect(MerkleProof.inclusion(of: size - 1, in: size) == nil)
    #expect(MerkleProof.consistency(from: 1, to: size) == nil)
    let subtrees = Array(repeating: root, count: size.nonzeroBitCount)
    #expect(MerkleFrontier(size: size, subtrees: subtrees) == nil)
    let path = Array(repeating: root, count: 200)
    #expect(!MerkleProof.includes(root, at: size - 1, size: size, root: root, path: path))
    #expect(!MerkleProof.isConsistent((3, root), (size, root), path: path))
  }

  @Test func theLargestTree() throws {
    let size = MerkleTree.maximumSize
    #expect(try #require(MerkleProof.inclusion(of: 0, in: size)).count == 63)
    #expect(MerkleProof.subtrees(of: 0..<size).count == 63)
  }

  @Test func aFrontierHasOneRootForEachBit() {
    let root = Self.leaves[0]
    #expect(MerkleFrontier(size: 5, subtrees: [root]) == nil)
    #expect(MerkleFrontier(size: 5, subtrees: [root, root, root]) == nil)
    #expect(MerkleFrontier(size: 0, subtrees: [root]) == nil)
    #expect(MerkleFrontier(size: 0, subtrees: [])?.root == MerkleTree.emptyRoot)
  }
}
