import Crypto
import Foundation
import GatewayModel
import Testing

@testable import AuditLog

@Suite struct RecordProofTests {
  private static let key = Curve25519.Signing.PrivateKey()
  private static let log = LogID(agent: Samples.agent, epoch: 3, lane: 1)

  /// The proof for one of 19 records.
  private func proof(of seq: UInt64) throws -> RecordProof {
    let records = (0..<19).map { number in
      RecordEncoder.encode(
        LogCloseRecord(reason: "\(number)"),
        header: RecordHeader(seq: UInt64(number), time: WallTime(unixNanoseconds: 5)))
    }
    func frontier(_ range: Range<UInt64>) -> MerkleFrontier {
      var frontier = MerkleFrontier()
      for record in records[Int(range.lowerBound)..<Int(range.upperBound)] {
        frontier.append(MerkleTree.leaf(record))
      }
      return frontier
    }
    let nodes = try #require(MerkleProof.inclusion(of: seq, in: 19))
    let path = nodes.map { node in
      MerkleTree.joined(MerkleProof.subtrees(of: node).map { frontier($0).root })
    }
    let checkpoint = Checkpoint(log: Self.log, of: frontier(0..<19))
    return RecordProof(
      log: Self.log, seq: seq, record: records[Int(seq)], path: path,
      checkpoint: String(decoding: try checkpoint.signed(with: Self.key).bytes, as: UTF8.self),
      key: Array(Self.key.publicKey.rawRepresentation))
  }

  @Test(arguments: 0..<19) func provesEachRecord(seq: Int) throws {
    let proof = try proof(of: UInt64(seq))
    let read = try JSONDecoder().decode(RecordProof.self, from: JSONEncoder().encode(proof))
    guard case .logClose(let close) = try read.verified().body else {
      Issue.record("another record")
      return
    }
    #expect(close.reason == "\(seq)")
    #expect(
      throws: Never.self, "the key is the one that is trusted",
      performing: {
        _ = try proof.verified(trusting: Array(Self.key.publicKey.rawRepresentation))
      })
  }

  @Test func holdsForNothingElse() throws {
    let sound = try proof(of: 7)
    func expect(_ code: Finding.Code, _ change: (inout RecordProof) throws -> Void) throws {
      var proof = sound
      try change(&proof)
      let finding = #expect(throws: Finding.self) { _ = try proof.verified() }
      #expect(finding?.code == code)
    }
    try expect(.altered) { $0.seq = 8 }
    try expect(.altered) { $0.record = try proof(of: 8).record }
    try expect(.altered) { $0.path.removeLast() }
    try expect(.altered) { $0.path[0] = try proof(of: 8).path[1] }
    try expect(.unreadable) { $0.path[0] = "AA==" }
    try expect(.unreadable) { $0.version = 2 }
    try expect(.unreadable) { $0.log = "x" }
    try expect(.signature) { $0.log = "\(Samples.agent)/3/2" }
    try expect(.signature) {
      $0.key = Curve25519.Signing.PrivateKey().publicKey.rawRepresentation.base64EncodedString()
    }
    try expect(.signature) { $0.checkpoint = "" }
    let finding = #expect(throws: Finding.self) {
      _ = try sound.verified(trusting: [UInt8](repeating: 0, count: 32))
    }
    #expect(finding?.code == .signature)
  }
}
