import GatewayModel

/// What the logs that came first say about those that follow.
struct WitnessedHistory {
  /// By the log and its size.
  private var witnessed: [LogID: [LogVerifier.Witnessed]] = [:]
  /// Of each lane, what the next epoch cites of the one before.
  private var cited: [Lane: LogVerifier.Witnessed] = [:]
  /// Up to where the records of a log were removed in order.
  private(set) var pruned: [LogID: Checkpoint] = [:]

  private struct Lane: Hashable {
    var agent: AgentID
    var lane: UInt32
  }

  /// The logs that were witnessed to have a record.
  var logs: Set<LogID> { Set(witnessed.keys) }

  /// The heads of a log that others have seen. Of its lane the higher epochs must have come before.
  func heads(of log: LogID) -> [LogVerifier.Witnessed] {
    let next = cited[Lane(agent: log.agent, lane: log.lane)]
    return witnessed[log, default: []] + (next.map { [$0] } ?? [])
  }

  /// To be called when a log begins: what the next epoch cites was of this one.
  mutating func began(_ log: LogID) { cited[Lane(agent: log.agent, lane: log.lane)] = nil }

  /// Takes a record of the control plane's own log.
  mutating func take(_ record: DecodedRecord) {
    switch record.body {
    case .agentsWitness(let witness):
      for head in witness.heads where head.size > 0 {
        witnessed[head.log, default: []].append(
          LogVerifier.Witnessed(
            source: .controlPlane, size: head.size, root: head.root, time: record.header.time))
      }
    case .retentionPrune(let prune):
      for log in prune.logs {
        guard let frontier = MerkleFrontier(size: log.nextSeq, subtrees: log.frontier) else {
          continue
        }
        pruned[log.log] = Checkpoint(log: log.log, of: frontier)
      }
    default: break
    }
  }

  /// Takes the first record of a log, which cites the epoch before.
  mutating func take(opening record: DecodedRecord, of log: LogID) {
    guard case .logOpen(let open) = record.body, record.header.seq == 0, open.previousSize > 0,
      let root = Hash256(bytes: open.previousRoot)
    else { return }
    cited[Lane(agent: log.agent, lane: log.lane)] = LogVerifier.Witnessed(
      source: .nextEpoch, size: open.previousSize, root: root)
  }
}
