import AuditLog
import ControlCore
import GatewayModel

/// The control plane's own log as evidence; there are no agents' logs in memory.
extension MemoryStore: EvidenceStore {
  private func entries() throws(ControlError) -> [AppendedEntry] {
    try act { state throws(ControlError) in state.log }
  }

  func storedLogs(of agents: [AgentID]?) async throws(ControlError) -> [StoredLog] {
    guard let last = try entries().last,
      let log = Checkpoint(text: SignedNote(bytes: last.checkpoint)?.text ?? "")?.log,
      agents?.contains(log.agent) ?? true
    else { return [] }
    return [StoredLog(log: log, size: last.frontier.size, checkpoint: last.checkpoint)]
  }

  func writerKeys() async throws(ControlError) -> [WriterKey] { [] }

  func firstSeq(of log: LogID, since: WallTime?) async throws(ControlError) -> UInt64? {
    try entries().first { $0.header.time >= since ?? $0.header.time }?.header.seq
  }

  func records(
    of log: LogID, from seq: UInt64, before end: UInt64, limit: Int
  ) async throws(ControlError) -> [StoredRecord] {
    try entries().filter { (seq..<end).contains($0.header.seq) }.prefix(limit).map { entry in
      StoredRecord(
        seq: entry.header.seq, receivedAt: entry.header.time, at: entry.header.time,
        kind: entry.body.kind.rawValue, session: nil, statement: nil, bytes: entry.bytes)
    }
  }

  func strayRecords(
    of log: LogID, behind place: Int64?, limit: Int
  ) async throws(ControlError) -> [StrayRecord] { [] }

  func leaves(of log: LogID, _ range: Range<UInt64>) async throws(ControlError) -> [Hash256] {
    try entries().filter { range.contains($0.header.seq) }.map(\.leaf)
  }

  func frontier(of log: LogID, size: UInt64) async throws(ControlError) -> MerkleFrontier {
    var frontier = MerkleFrontier()
    for entry in try entries().prefix(Int(size)) { frontier.append(entry.leaf) }
    return frontier
  }

  func inclusionProof(
    _ log: LogID, index: UInt64, size: UInt64
  ) async throws(ControlError) -> [Hash256] {
    try hashes(of: MerkleProof.inclusion(of: index, in: size))
  }

  func consistencyProof(
    _ log: LogID, from first: UInt64, to size: UInt64
  ) async throws(ControlError) -> [Hash256] {
    try hashes(of: MerkleProof.consistency(from: first, to: size))
  }

  private func hashes(of nodes: [Range<UInt64>]?) throws(ControlError) -> [Hash256] {
    guard let nodes else { throw ControlError(.notFound, "There is no such tree.") }
    let entries = try entries()
    return nodes.map { node in
      MerkleTree.joined(
        MerkleProof.subtrees(of: node).map { part in
          var frontier = MerkleFrontier()
          for entry in entries[Int(part.lowerBound)..<Int(part.upperBound)] {
            frontier.append(entry.leaf)
          }
          return frontier.root
        })
    }
  }
}

extension MemoryStore: ComparisonStore {
  /// Has no tables beside its records: one finding and one look at how far it is, for whoever asks.
  func compareTables(
    of agents: [AgentID]?, control: LogID, analyse: @escaping TextAnalyser,
    tell: @escaping (ComparisonNews) async throws -> Void
  ) async throws -> ComparedTables {
    try await tell(.progress(records: 2, rows: 1))
    try await tell(.finding(Finding(.projection, log: control, seq: 1, "control_entry: x")))
    return ComparedTables(records: 2, rows: 1, findings: 1)
  }
}

extension MemoryStore: BackupStore {
  func setBackupHorizon(_ time: WallTime) async throws(ControlError) -> Int {
    try act { _ in 3 }
  }
}
