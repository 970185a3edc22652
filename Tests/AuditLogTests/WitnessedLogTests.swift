import AuditLog
import Crypto
import GatewayModel
import Testing

/// What a witness accepts of a log that grows, and of one that was changed.
@Suite struct WitnessedLogTests {
  private let key = Curve25519.Signing.PrivateKey()
  private let log = LogID(agent: AgentID(Identifier128(high: 7, low: 7)), epoch: 1, lane: 0)

  private func witnessed() throws -> WitnessedLog {
    try WitnessedLog(log: log, publicKey: key.publicKey.rawRepresentation)
  }

  private static func leaf(_ index: Int, _ content: String = "record") -> Hash256 {
    MerkleTree.leaf(Array("\(content) \(index)".utf8))
  }

  private static func root(_ leaves: some Sequence<Hash256>) -> Hash256 {
    var tree = MerkleFrontier()
    for leaf in leaves { tree.append(leaf) }
    return tree.root
  }

  private func note(
    _ leaves: [Hash256], log: LogID? = nil, key: Curve25519.Signing.PrivateKey? = nil
  ) throws -> [UInt8] {
    try Checkpoint(log: log ?? self.log, size: UInt64(leaves.count), root: Self.root(leaves))
      .signed(with: key ?? self.key).bytes
  }

  private static func proof(from first: Int, in leaves: [Hash256]) -> [Hash256] {
    let nodes = MerkleProof.consistency(from: UInt64(first), to: UInt64(leaves.count)) ?? []
    return nodes.map { node in root(leaves[Int(node.lowerBound)..<Int(node.upperBound)]) }
  }

  @Test func `every honest growth is accepted`() throws {
    let witnessed = try witnessed()
    let leaves = (0..<20).map { Self.leaf($0) }
    for size in 1...20 {
      let now = Array(leaves.prefix(size))
      #expect(
        witnessed.judge(try note(now), against: nil, proof: [])
          == .newer(Checkpoint(log: log, size: UInt64(size), root: Self.root(now))))
      for first in 1...size {
        let known = Checkpoint(
          log: log, size: UInt64(first), root: Self.root(leaves.prefix(first)))
        let verdict = witnessed.judge(
          try note(now), against: known, proof: Self.proof(from: first, in: now))
        let newer = Checkpoint(log: log, size: UInt64(size), root: Self.root(now))
        #expect(verdict == (first == size ? .same : .newer(newer)), "\(first) to \(size)")
      }
    }
  }

  @Test func `a log that was changed is a conflict, and says how`() throws {
    let witnessed = try witnessed()
    let leaves = (0..<12).map { Self.leaf($0) }
    let known = Checkpoint(log: log, size: 9, root: Self.root(leaves.prefix(9)))
    func judge(_ leaves: [Hash256], proof: [Hash256]? = nil) throws -> WitnessedLog.Verdict {
      witnessed.judge(
        try note(leaves), against: known, proof: proof ?? Self.proof(from: 9, in: leaves))
    }
    #expect(try judge(Array(leaves.prefix(8)), proof: []) == .conflict(.behind))
    var edited = leaves
    edited[3] = Self.leaf(3, "edited")
    #expect(try judge(Array(edited.prefix(9)), proof: []) == .conflict(.root))
    #expect(try judge(edited) == .conflict(.proof))
    #expect(try judge(leaves, proof: []) == .conflict(.proof))
    var damaged = Self.proof(from: 9, in: leaves)
    damaged[0] = Self.leaf(0)
    #expect(try judge(leaves, proof: damaged) == .conflict(.proof))
  }

  @Test func `what is not signed for this log is a conflict`() throws {
    let witnessed = try witnessed()
    let leaves = (0..<4).map { Self.leaf($0) }
    let other = LogID(agent: AgentID(Identifier128(high: 7, low: 8)), epoch: 1, lane: 0)
    var cut = try note(leaves)
    cut.removeLast(3)
    let notes = [
      try note(leaves, key: Curve25519.Signing.PrivateKey()), try note(leaves, log: other), cut, [],
      Array("sallyport".utf8),
    ]
    for note in notes {
      #expect(witnessed.judge(note, against: nil, proof: []) == .conflict(.signature))
      #expect(witnessed.checkpoint(signed: note) == nil)
    }
    #expect(throws: (any Error).self) { try WitnessedLog(log: log, publicKey: [1, 2, 3]) }
  }
}
