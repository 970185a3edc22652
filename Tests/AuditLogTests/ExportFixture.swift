import Crypto
import Foundation
import GatewayModel
import Testing

@testable import AuditLog

/// A small fleet with its audit trail, from which exports are made, sound and tampered with.
struct ExportFixture {
  /// One log as a store has it.
  struct Log {
    var id: LogID
    var key: Curve25519.Signing.PrivateKey
    var records: [ExportRecord] = []
    var leaves: [Hash256] = []
    var from: UInt64 = 0
    var frontier = MerkleFrontier()
    /// Of the records before ``from``.
    var prefix = MerkleFrontier()
    var checkpoint = ""
    var consistency: [String]?

    init(_ id: LogID, _ key: Curve25519.Signing.PrivateKey) {
      self.id = id
      self.key = key
    }

    var end: UInt64 { frontier.size }

    mutating func append(_ body: some RecordBody, session: SessionID? = nil, second: Int64 = 0) {
      let time = ExportFixture.time(second)
      let header = RecordHeader(seq: frontier.size, time: time, session: session)
      append(RecordEncoder.encode(body, header: header), second: second)
    }

    mutating func append(_ bytes: [UInt8], second: Int64) {
      let decoded = try? RecordDecoder.decode(bytes)
      records.append(
        ExportRecord(
          bytes: Data(bytes).base64EncodedString(),
          received: ExportFixture.time(second).microseconds + 100_000,
          at: decoded?.header.time.microseconds ?? 0,
          kind: decoded?.kind.rawValue ?? "unknown", session: decoded?.header.session?.description,
          statement: decoded?.statement.map { Int64($0.rawValue) }))
      let leaf = MerkleTree.leaf(bytes)
      leaves.append(leaf)
      frontier.append(leaf)
    }

    mutating func sign() throws {
      checkpoint = String(
        decoding: try Checkpoint(log: id, of: frontier).signed(with: key).bytes, as: UTF8.self)
    }

    /// The frontier of the first `size` records that are there.
    func frontier(of size: Int) -> MerkleFrontier {
      var frontier = prefix
      for leaf in leaves.prefix(size) { frontier.append(leaf) }
      return frontier
    }

    func head(of size: Int) -> AgentsWitnessRecord.Head {
      let frontier = frontier(of: size)
      return .init(log: id, size: frontier.size, root: frontier.root, checkpoint: [])
    }

    /// Leaves the last records out and proves that the signed log begins with the others.
    mutating func end(at size: UInt64) throws {
      let nodes = try #require(MerkleProof.consistency(from: size, to: end))
      let all = leaves
      consistency = nodes.map { node in
        let parts = MerkleProof.subtrees(of: node).map { part in
          var frontier = MerkleFrontier()
          for leaf in all[Int(part.lowerBound)..<Int(part.upperBound)] { frontier.append(leaf) }
          return frontier.root
        }
        return Data(MerkleTree.joined(parts).bytes).base64EncodedString()
      }
      records.removeLast(records.count - Int(size))
      leaves.removeLast(leaves.count - Int(size))
    }

    /// Removes the first records, as retention does.
    mutating func prune(_ count: Int) -> RetentionPruneRecord.PrunedLog {
      let before = frontier(of: count)
      defer {
        records.removeFirst(count)
        leaves.removeFirst(count)
        from = before.size
        prefix = before
      }
      return .init(log: id, firstSeq: from, nextSeq: before.size, frontier: before.subtrees)
    }
  }

  static func time(_ seconds: Int64) -> WallTime {
    WallTime(unixNanoseconds: 1_790_000_000_000_001_000 + seconds * 1_000_000_000)
  }

  var control: Log
  var logs: [Log]
  var keys: [ExportKey]
  var isComplete = true
  /// Where the control plane's own log stands among the others.
  var controlPlace = 0
  /// Lines put behind everything.
  var trailing: [String] = []
  var hasClose = true
  var hashChange = ""

  /// A control plane that has witnessed one agent's two lanes after 300 records and at the end.
  static func sound() throws -> ExportFixture {
    let (controlKey, agentKey) = (
      Curve25519.Signing.PrivateKey(), Curve25519.Signing.PrivateKey()
    )
    let controlID = AgentID(Identifier128(high: 1, low: 1))
    let agent = AgentID(Identifier128(high: 2, low: 2))
    var control = Log(LogID(agent: controlID, epoch: 1, lane: 0), controlKey)
    var lanes: [Log] = []
    for lane in UInt32(0)..<2 {
      var log = Log(LogID(agent: agent, epoch: 7, lane: lane), agentKey)
      log.append(
        LogOpenRecord(log: log.id, agentVersion: "1", host: "h", continued: false), second: 0)
      for number in 1...300 {
        let session = SessionID(Identifier128(high: 9, low: UInt64(number / 50)))
        log.append(
          StatementBeginRecord(
            statement: StatementID(UInt64(number)), digest: Samples.digest, wireProtocol: .simple,
            transactionStatus: "I", rule: "g", bundleVersion: 1), session: session,
          second: Int64(number))
        log.append(
          StatementEndRecord(statement: StatementID(UInt64(number)), outcome: .completed),
          session: session, second: Int64(number))
      }
      try log.sign()
      lanes.append(log)
    }
    let caller = RecordedCaller(tokenID: "t", name: "root", role: "admin")
    let agentPublicKey = agentKey.publicKey.rawRepresentation.base64EncodedString()
    control.append(
      ControlActRecord(
        caller: caller, action: "agent.enrol", subject: "\(agent)",
        detail: "{\"audit_key\":\"\(agentPublicKey)\",\"hostname\":\"h\"}"), second: 0)
    control.append(AgentsWitnessRecord(heads: lanes.map { $0.head(of: 300) }), second: 150)
    control.append(AgentsWitnessRecord(heads: lanes.map { $0.head(of: 601) }), second: 301)
    try control.sign()
    let keys = [
      ExportKey(
        agent: "\(controlID)", name: "control",
        ed25519: controlKey.publicKey.rawRepresentation.base64EncodedString()),
      ExportKey(agent: "\(agent)", name: "agent", ed25519: agentPublicKey),
    ]
    return ExportFixture(control: control, logs: lanes, keys: keys)
  }

  // MARK: Lines

  var lines: [Data] {
    get throws {
      var lines: [Data] = []
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      func add(_ line: ExportLine) throws { lines.append(try encoder.encode(line)) }
      try add(
        .export(
          ExportHeader(
            made: "2026-01-01T00:00:00Z", controlPlane: "\(control.id.agent)",
            isComplete: isComplete)))
      for key in keys { try add(.key(key)) }
      var all = logs
      if control.id.epoch > 0 { all.insert(control, at: min(controlPlace, logs.count)) }
      for log in all {
        try add(
          .log(
            ExportLog(
              log: "\(log.id)", from: log.from,
              frontier: log.prefix.subtrees.map { Data($0.bytes).base64EncodedString() })))
        for (index, record) in log.records.enumerated() {
          try add(.record(record))
          let count = index % 256 + 1
          guard count == 256 || index == log.records.count - 1 else { continue }
          let first = index + 1 - count
          let hashes = log.leaves.dropFirst(first).prefix(count).flatMap(\.bytes)
          try add(.leaves(ExportLeaves(hashes: Data(hashes).base64EncodedString())))
        }
        try add(.head(ExportHead(checkpoint: log.checkpoint, consistency: log.consistency)))
      }
      if hasClose {
        var hash = SHA256()
        for line in lines { hash.update(data: line + [10]) }
        let digest = Hash256(hash.finalize()).description
        try add(
          .close(
            ExportClose(
              logs: all.count, records: all.reduce(0) { $0 + $1.records.count },
              sha256: digest + hashChange)))
      }
      return lines + trailing.map { Data($0.utf8) }
    }
  }

  func verify(
    trusted: [AgentID: [UInt8]] = [:], kept: Checkpoint? = nil
  ) throws -> VerificationReport {
    var verifier = ExportVerifier(trusted: trusted, kept: kept)
    for line in try lines { verifier.take(line) }
    return verifier.finish()
  }
}
