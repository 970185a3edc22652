import Crypto
import GatewayModel

/// The control plane's own log as the export has it, against what the agents have kept of it.
///
/// Holds 32 bytes for each of its records, so that its root is known at every size.
struct ControlTree {
  /// An agent's record that it was shown another log than before.
  private struct Claim {
    var log: LogID
    var seq: UInt64
  }

  let log: LogID
  private let base: MerkleFrontier
  private var leaves: [Hash256] = []
  /// By what the control plane has signed, who has it first.
  private var claims: [Checkpoint: Claim] = [:]

  init(log: LogID, base: MerkleFrontier) {
    self.log = log
    self.base = base
  }

  /// Of no log.
  init() {
    self.init(
      log: LogID(agent: AgentID(Identifier128(high: 0, low: 0)), epoch: 0, lane: 0),
      base: MerkleFrontier())
  }

  mutating func append(_ leaf: Hash256) { leaves.append(leaf) }

  /// Takes a record of an agent's log; only what the control plane has signed counts.
  mutating func take(
    _ record: DecodedRecord, of agentLog: LogID, key: Curve25519.Signing.PublicKey?
  ) {
    guard case .witnessConflict(let conflict) = record.body, let key,
      let known = Checkpoint(signed: conflict.knownCheckpoint, key: key), known.log == log,
      claims[known] == nil
    else { return }
    claims[known] = Claim(log: agentLog, seq: record.header.seq)
  }

  /// A finding for each checkpoint that the log at its end does not agree with.
  func contradictions() -> [Finding] {
    var (frontier, next) = (base, 0)
    var findings: [Finding] = []
    for (known, claim) in claims.sorted(by: { $0.key.size < $1.key.size }) {
      // What was before the beginning of the export cannot be compared.
      guard known.size >= base.size else { continue }
      while frontier.size < known.size, next < leaves.count {
        frontier.append(leaves[next])
        next += 1
      }
      guard frontier.size != known.size || frontier.root != known.root else { continue }
      let own =
        frontier.size < known.size
        ? "which here has only \(frontier.size)" : "which here has another root then"
      findings.append(
        Finding(
          .witness, log: claim.log, seq: claim.seq,
          "the agent has a signed checkpoint of \(known.size) records of the control plane's own"
            + " log, \(own)"))
    }
    return findings
  }
}
