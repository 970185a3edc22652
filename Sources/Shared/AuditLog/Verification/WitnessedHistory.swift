import GatewayModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the logs that came first say about those that follow.
struct WitnessedHistory {
  /// By the log and its size.
  private var witnessed: [LogID: [LogVerifier.Witnessed]] = [:]
  /// Of each lane, what the next epoch cites of the one before.
  private var cited: [Lane: Citation] = [:]
  /// Up to where the records of a log were removed in order.
  private(set) var pruned: [LogID: Checkpoint] = [:]

  /// The raw keys that the agents were enrolled with.
  private(set) var enrolled: [AgentID: Data] = [:]
  /// How often an agent was found to have signed two histories.
  private(set) var equivocations = 0
  /// When the control plane's own log began.
  private(set) var began: WallTime?
  /// When any log was witnessed last.
  private var lastWitness: WallTime?

  /// How long a record can be stored before it is witnessed, in microseconds. The control plane does
  /// it every minute; this leaves it time for being away.
  static let witnessDelay: Int64 = 600_000_000

  private struct Lane: Hashable {
    var agent: AgentID
    var lane: UInt32
  }

  private struct Citation {
    var by: LogID
    var head: LogVerifier.Witnessed
  }

  /// The particulars of an enrolment that are of use here.
  private struct Enrolment: Decodable {
    enum CodingKeys: String, CodingKey { case auditKey = "audit_key" }
    var auditKey: String
  }

  /// The logs that were witnessed to have a record.
  var logs: Set<LogID> { Set(witnessed.keys) }

  /// The heads of a log that others have seen. Of its lane the higher epochs must have come before.
  func heads(of log: LogID) -> [LogVerifier.Witnessed] {
    let next = cited[Lane(agent: log.agent, lane: log.lane)]
    return witnessed[log, default: []] + (next.map { [$0.head] } ?? [])
  }

  /// To be called when a log begins: what the next epoch cites was of this one.
  mutating func began(_ log: LogID) { cited[Lane(agent: log.agent, lane: log.lane)] = nil }

  /// What was cited of an epoch that did not come: the log that cites it, and how many records.
  var unmetCitations: [(log: LogID, size: UInt64)] {
    cited.values.map { ($0.by, $0.head.size) }.sorted { "\($0.log)" < "\($1.log)" }
  }

  /// A finding when the control plane has witnessed others long after a record of the log arrived
  /// that it never witnessed.
  func unwitnessed(_ log: LogID, since first: (seq: UInt64, received: Int64)?) -> [Finding] {
    guard let first, let last = lastWitness?.microseconds else { return [] }
    let (limit, overflow) = first.received.addingReportingOverflow(Self.witnessDelay)
    guard !overflow, last > limit else { return [] }
    return [
      Finding(
        .witness, log: log, seq: first.seq,
        "it and those behind it were never witnessed, though others were more than"
          + " \(Self.witnessDelay / 60_000_000) minutes after it arrived")
    ]
  }

  /// Takes a record of the control plane's own log.
  mutating func take(_ record: DecodedRecord) {
    began = began ?? record.header.time
    switch record.body {
    case .controlAct(let act) where act.action == "agent.enrol" && act.refusal.isEmpty:
      enrol(act)
    case .equivocation: equivocations += 1
    case .agentsWitness(let witness):
      lastWitness = record.header.time
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

  private mutating func enrol(_ act: ControlActRecord) {
    guard let id = Identifier128(text: act.subject) else { return }
    // An enrolment whose key cannot be read binds to none, and so every key differs from it.
    let detail = try? JSONDecoder().decode(Enrolment.self, from: Data(act.detail.utf8))
    let key = detail.flatMap { Data(base64Encoded: $0.auditKey) } ?? Data()
    if enrolled[AgentID(id)] == nil { enrolled[AgentID(id)] = key }
  }

  /// Takes the first record of a log, which cites the epoch before.
  mutating func take(opening record: DecodedRecord, of log: LogID) {
    guard case .logOpen(let open) = record.body, record.header.seq == 0, open.previousSize > 0,
      let root = Hash256(bytes: open.previousRoot)
    else { return }
    cited[Lane(agent: log.agent, lane: log.lane)] = Citation(
      by: log,
      head: LogVerifier.Witnessed(source: .nextEpoch, size: open.previousSize, root: root))
  }
}
