import APIModel
import AuditLog
import ControlCore
import Foundation
import GatewayModel
import Synchronization

extension MemoryStore: AuditStore {
  func ingest(_ batch: ShippedBatch) async throws(ControlError) -> IngestAnswer {
    try act { state throws(ControlError) in
      state.batches.append(batch)
      return .stored(nextSeq: batch.fromSeq + UInt64(batch.records.count))
    }
  }
  func position(of log: LogID) async throws(ControlError) -> IngestAnswer {
    try act { state throws(ControlError) in
      let last = state.batches.last { $0.log == log }
      return .wrongCursor(
        nextSeq: last.map { $0.fromSeq + UInt64($0.records.count) } ?? 0,
        checkpoint: last?.checkpoint ?? Data())
    }
  }
  func statements(_ query: StatementQuery) async throws(ControlError) -> Page<StatementInfo> {
    try act { state throws(ControlError) in
      state.statementQueries.append(query)
      return Page(
        items: state.statements, nextCursor: query.order == .oldest ? "\(state.trailEnd)" : nil)
    }
  }
  func sessions(_ query: SessionQuery) async throws(ControlError) -> Page<SessionInfo> {
    try act { state throws(ControlError) in
      state.sessionQueries.append(query)
      return Page(items: [])
    }
  }
  func sessions(_ query: SessionDetailQuery) async throws(ControlError) -> [SessionDetail] {
    try act { state throws(ControlError) in
      state.detailQueries.append(query)
      return Array(
        state.sessions.filter {
          $0.session.id == query.id.description
            && $0.session.agent.hasPrefix(query.agentPrefix ?? "")
        }.prefix(query.limit))
    }
  }
  func trailEnd() async throws(ControlError) -> Int64 {
    try act { state throws(ControlError) in state.trailEnd }
  }
  func claimTexts(
    limit: Int, maximumBytes: Int
  ) async throws(ControlError) -> [WaitingText] {
    try act { state throws(ControlError) in
      let claimed = Array(state.waitingTexts.prefix(limit))
      state.waitingTexts.removeFirst(claimed.count)
      return claimed.map {
        WaitingText(
          digest: Array($0.utf8), bytes: $0.utf8.count, sql: $0.utf8.count > maximumBytes ? nil : $0
        )
      }
    }
  }
  func settle(_ texts: [AnalysedText]) async throws(ControlError) {
    try act { state throws(ControlError) in state.analysedTexts += texts }
  }
}

extension MemoryStore: StatusStore {
  func counts() async throws(ControlError) -> StoredCounts {
    try act { state throws(ControlError) in
      StoredCounts(
        connections: state.connections.count, grants: 0,
        records: state.batches.reduce(0) { $0 + $1.records.count })
    }
  }
  func ping() async throws(ControlError) { try act { _ throws(ControlError) in } }
}

extension MemoryStore: ControlLogStore {
  /// Appends the entry that changes are told by.
  func note(_ state: inout State) throws(ControlError) {
    if let entry { try Self.append(entry, &state) }
  }

  private static func append(
    _ entry: ControlLogEntry, _ state: inout State
  ) throws(ControlError) {
    state.log.append(
      try entry.appended(
        to: state.log.last?.frontier ?? MerkleFrontier(),
        at: WallTime(unixNanoseconds: 1_800_000_000_000_000_000)))
  }

  /// The actions of the log's entries, in their order.
  var actions: [String] {
    state.withLock { $0.log.map { ControlLogSummary($0.body).action } }
  }

  func append(_ entry: ControlLogEntry) async throws(ControlError) {
    try act { state throws(ControlError) in try Self.append(entry, &state) }
  }
  func checkpoint(of log: LogID) async throws(ControlError) -> SignedHead? {
    try act { state throws(ControlError) in
      state.log.last.map { SignedHead(size: $0.frontier.size, note: $0.checkpoint) }
    }
  }
  func consistency(
    of log: LogID, from first: UInt64, to size: UInt64
  ) async throws(ControlError) -> [Hash256]? {
    try act { state throws(ControlError) in
      guard size <= UInt64(state.log.count) else { return nil }
      return MerkleProof.consistency(from: first, to: size)?.map { node in
        MerkleTree.joined(
          MerkleProof.subtrees(of: node).map { part in
            var tree = MerkleFrontier()
            for index in part { tree.append(state.log[Int(index)].leaf) }
            return tree.root
          })
      }
    }
  }
  func entries(_ query: ControlLogQuery) async throws(ControlError) -> [ControlLogItem] {
    try act { state throws(ControlError) in
      state.log.reversed().filter { $0.header.seq < query.before ?? .max }.prefix(query.limit).map {
        ControlLogItem(
          seq: $0.header.seq, at: $0.header.time, summary: ControlLogSummary($0.body))
      }
    }
  }
  func witness(
    limit: Int, _ entry: @escaping @Sendable (AgentsWitnessRecord) -> ControlLogEntry
  ) async throws(ControlError) -> Int { 0 }
  func tellEquivocations(
    _ entry: @escaping @Sendable (FoundEquivocation) -> ControlLogEntry
  ) async throws(ControlError) {}
}
