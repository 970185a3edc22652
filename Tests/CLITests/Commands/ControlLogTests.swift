import APIModel
import AuditLog
import Crypto
import Foundation
import GatewayModel
import Testing

@testable import sallyport

/// How the control plane's own log is shown, and how a kept checkpoint is held against it.
@Suite struct ControlLogTests {
  private let key = Curve25519.Signing.PrivateKey()
  private let log = LogID(agent: AgentID(Identifier128(high: 7, low: 7)), epoch: 1, lane: 0)

  private func tree(_ contents: [String]) -> MerkleFrontier {
    var tree = MerkleFrontier()
    for content in contents { tree.append(MerkleTree.leaf(Array(content.utf8))) }
    return tree
  }

  private func note(
    _ contents: [String], key: Curve25519.Signing.PrivateKey? = nil
  ) throws -> [UInt8] {
    try Checkpoint(log: log, of: tree(contents)).signed(with: key ?? self.key).bytes
  }

  private func info(
    _ contents: [String], from first: Int, key: Curve25519.Signing.PrivateKey? = nil
  ) throws -> ControlCheckpointInfo {
    let nodes = MerkleProof.consistency(from: UInt64(first), to: UInt64(contents.count))
    return ControlCheckpointInfo(
      note: String(decoding: try note(contents, key: key), as: UTF8.self),
      publicKey: (key ?? self.key).publicKey.rawRepresentation.base64EncodedString(),
      consistency: nodes?.map { node in
        let root = tree(Array(contents[Int(node.lowerBound)..<Int(node.upperBound)])).root
        return Data(root.bytes).base64EncodedString()
      })
  }

  @Test func `a log that has grown begins with the kept checkpoint`() throws {
    let kept = try KeptCheckpoint(note: note(["a", "b", "c"]), name: "kept")
    #expect(try kept.compare(with: info(["a", "b", "c"], from: 3)) == 3)
    #expect(try kept.compare(with: info(["a", "b", "c", "d", "e"], from: 3)) == 5)
  }

  @Test func `a log that was changed does not, and the failure says how`() throws {
    let kept = try KeptCheckpoint(note: note(["a", "b", "c"]), name: "kept")
    let other = Curve25519.Signing.PrivateKey()
    let cases: [(ControlCheckpointInfo, String)] = [
      (try info(["a", "b"], from: 3), "fewer records than the kept 3"),
      (try info(["a", "x", "c"], from: 3), "does not begin with the 3 records"),
      (try info(["a", "x", "c", "d"], from: 3), "does not begin with the 3 records"),
      (try info(["a", "b", "c", "d"], from: 3, key: other), "is not signed with"),
    ]
    for (present, text) in cases {
      let failure = #expect(throws: CLIFailure.self) { try kept.compare(with: present) }
      #expect(failure?.message.contains("was changed") == true)
      #expect(failure?.message.contains(text) == true, "\(failure?.message ?? "")")
    }
    var unproved = try info(["a", "b", "c", "d"], from: 3)
    unproved.consistency = ["not base64"]
    #expect(throws: CLIFailure.self) { try kept.compare(with: unproved) }
  }

  @Test func `a file that holds no checkpoint is refused`() throws {
    for note in [[], Array("sallyport\n".utf8), [UInt8](repeating: 0x41, count: 5000)] {
      #expect(throws: CLIFailure.self) { try KeptCheckpoint(note: note, name: "kept") }
    }
    #expect(throws: CLIFailure.self) { try KeptCheckpoint(file: "/none/kept.checkpoint") }
  }

  @Test func `entries show who did what, with control characters made harmless`() {
    let entry = ControlLogEntryInfo(
      seq: 4, at: "2026-05-04T03:12:00.000000Z", action: "audit.read", subject: "statements",
      detail: #"{"words":"a,\u001b[31mb"}"#, refusal: nil,
      caller: ControlLogCaller(
        tokenID: "t1", name: "eve\u{1b}[2J", role: "admin", address: "10.0.0.1"))
    let row = ControlLogTable.row(entry).map(\.text)
    #expect(row.contains("audit.read"))
    #expect(row.contains("done"))
    #expect(!row.joined().contains("\u{1b}"))
    #expect(
      ControlLogTable.csv(entry, escaped: false)
        == "4,2026-05-04T03:12:00.000000Z,audit.read,statements,,eve\u{1b}[2J,admin,t1,10.0.0.1,"
        + #""{""words"":""a,\u001b[31mb""}""# + "\r\n")
    #expect(!ControlLogTable.csv(entry, escaped: true).contains("\u{1b}"))
  }
}
