import Crypto
import GatewayModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Follows the records of one log and says what is not as its writer signed it.
///
/// Pure: the records come in, findings go out. The first finding of each kind of fault is kept, so
/// that one missing record does not bring a finding for each that follows.
struct LogVerifier {
  /// A head of the log that somebody else has kept.
  struct Witnessed: Hashable, Sendable {
    enum Source: String, Hashable, Sendable {
      case controlPlane = "the control plane"
      /// The first record of the agent's next epoch.
      case nextEpoch = "the next epoch"
      /// A checkpoint that the auditor has kept.
      case kept = "the kept checkpoint"
    }

    var source: Source
    var size: UInt64
    var root: Hash256
    /// When it was kept; `nil` where that says nothing about arrivals.
    var time: WallTime?
  }

  let log: LogID
  /// The first seq that was to come.
  let first: UInt64
  /// Of the records as they are.
  private(set) var frontier: MerkleFrontier
  /// The seq that the next record must have.
  private(set) var expected: UInt64
  /// Of the leaf hashes that the store keeps.
  private var stored: MerkleFrontier
  private var unconfirmed: [(seq: UInt64, leaf: Hash256)] = []
  private var firstAltered: UInt64?
  /// By size, the smallest first; what is behind ``nextWitness`` was compared.
  private let witnessed: [Witnessed]
  private var nextWitness = 0
  private var lastWitness: Witnessed?
  private var witnessConflict: (good: UInt64, bad: Witnessed)?
  private var lastArrival = Int64.min
  /// When the first record arrived that is here.
  private(set) var firstArrival: Int64?
  /// The hash of the record that was taken last; `nil` when it had none.
  private(set) var lastLeaf: Hash256?
  /// The first record that the control plane has not witnessed, and when it arrived.
  private(set) var firstUnwitnessed: (seq: UInt64, received: Int64)?
  private let witnessedSize: UInt64
  private(set) var findings: [Finding] = []
  private(set) var facts = LogFacts()

  /// The kind under which the store keeps a record that it could not read.
  static let unreadKind = "unknown"
  /// How far the arrival of a record may be from the clock of who witnessed it, in microseconds.
  static let clockTolerance: Int64 = 120_000_000

  init(log: LogID, frontier: MerkleFrontier, witnessed: [Witnessed]) {
    stored = frontier
    expected = frontier.size
    first = frontier.size
    self.log = log
    self.frontier = frontier
    self.witnessed = witnessed.sorted { $0.size < $1.size }
    witnessedSize = witnessed.filter { $0.source == .controlPlane }.map(\.size).max() ?? 0
    while nextWitness < self.witnessed.count, self.witnessed[nextWitness].size < frontier.size {
      nextWitness += 1
    }
    compareWitnesses()
  }

  // MARK: Records

  /// Takes the next record; returns what could be read of it.
  @discardableResult
  mutating func take(_ record: ExportRecord) -> DecodedRecord? {
    lastLeaf = nil
    guard let bytes = Data(base64Encoded: record.bytes) else {
      report(.altered, "its bytes are not base64")
      return nil
    }
    let decoded = check(record, bytes)
    arrive(record.received, expected)
    let leaf = MerkleTree.leaf(Array(bytes))
    lastLeaf = leaf
    unconfirmed.append((expected, leaf))
    frontier.append(leaf)
    expected &+= 1
    compareWitnesses()
    return decoded
  }

  private mutating func check(_ record: ExportRecord, _ bytes: Data) -> DecodedRecord? {
    let decoded: DecodedRecord
    do {
      decoded = try RecordDecoder.decode(bytes)
    } catch {
      facts.records += 1
      // So the store keeps what a newer agent wrote; the tree says whether it is what was signed.
      if record.kind == Self.unreadKind { return nil }
      report(.altered, "it cannot be read: \(error.message)")
      return nil
    }
    let seq = decoded.header.seq
    if seq > expected {
      report(.missing, "the next that is there is \(seq)")
      expected = seq
    } else if seq < expected {
      report(.misplaced, "record \(seq) stands in its place")
    }
    compare("kind", record.kind, decoded.kind.rawValue)
    compare("at", record.at, decoded.header.time.microseconds)
    compare("session", record.session ?? "", decoded.header.session?.description ?? "")
    compare(
      "statement", record.statement ?? 0, Int64(clamping: decoded.statement?.rawValue ?? 0))
    facts.take(decoded)
    return decoded
  }

  private mutating func compare<Value: Equatable>(_ name: String, _ stored: Value, _ own: Value) {
    guard stored != own else { return }
    report(.column, "the column \(name) says \(stored), the record \(own)")
  }

  private mutating func arrive(_ received: Int64, _ seq: UInt64) {
    if received < lastArrival {
      report(.arrival, "it arrived before the record in front of it")
    }
    lastArrival = max(lastArrival, received)
    firstArrival = firstArrival ?? received
    if seq >= witnessedSize, firstUnwitnessed == nil { firstUnwitnessed = (seq, received) }
    // Not before the last witness that does not have it, not after the next that has it.
    if let lastWitness, seq >= lastWitness.size,
      let time = lastWitness.time, received < time.microseconds - Self.clockTolerance
    {
      report(.arrival, "it is said to have arrived while it was witnessed not to be there")
    }
    if nextWitness < witnessed.count, seq < witnessed[nextWitness].size,
      let time = witnessed[nextWitness].time,
      received > time.microseconds + Self.clockTolerance
    {
      report(.arrival, "it is said to have arrived after it was witnessed to be there")
    }
  }

  // MARK: What others keep

  /// Takes the leaf hashes that the store keeps of the records since the last call.
  mutating func take(_ leaves: ExportLeaves) {
    guard let bytes = Data(base64Encoded: leaves.hashes),
      bytes.count == unconfirmed.count * Hash256.byteCount
    else {
      // The tree of the records stands by itself; the hashes only say which one is altered.
      unconfirmed = []
      return
    }
    for (index, own) in unconfirmed.enumerated() {
      let start = bytes.startIndex + index * Hash256.byteCount
      guard let leaf = Hash256(bytes: bytes[start..<start + Hash256.byteCount]) else { continue }
      if leaf != own.leaf, firstAltered == nil { firstAltered = own.seq }
      stored.append(leaf)
    }
    unconfirmed = []
  }

  private mutating func compareWitnesses() {
    while nextWitness < witnessed.count, witnessed[nextWitness].size == frontier.size {
      let head = witnessed[nextWitness]
      nextWitness += 1
      if head.root == frontier.root {
        lastWitness = head
      } else if witnessConflict == nil {
        witnessConflict = (lastWitness?.size ?? 0, head)
      }
    }
  }

  // MARK: The end

  /// Compares with the head that the writer has signed.
  ///
  /// - Returns: all findings of the log, those with the lowest record first.
  mutating func finish(_ head: ExportHead, key: Curve25519.Signing.PublicKey) -> [Finding] {
    guard let signed = Checkpoint(signed: Array(head.checkpoint.utf8), key: key),
      signed.log == log
    else {
      report(.signature, at: nil, "its checkpoint is not one that its writer has signed")
      return sorted
    }
    let isContiguous = expected == frontier.size
    if let consistency = head.consistency, signed.size > expected {
      if isContiguous, !begins(signed, proof: consistency) { reportAltered(signed) }
    } else if signed.size > expected {
      report(.truncated, "the log ends here, but its writer has signed \(signed.size) records")
    } else if signed.size < expected {
      report(
        .misplaced, at: signed.size, "its writer has signed only the \(signed.size) before it")
    } else if isContiguous, signed.root != frontier.root {
      reportAltered(signed)
    }
    if head.consistency == nil, let beyond = witnessed.last, beyond.size > expected {
      report(
        .truncated,
        "the log ends here, but \(beyond.source.rawValue) has seen \(beyond.size) records")
    } else if let (good, bad) = witnessConflict, findings.isEmpty {
      report(
        bad.source == .nextEpoch ? .epoch : .witness, at: nil,
        "\(bad.source.rawValue) has seen another log of \(bad.size) records; the last that agrees"
          + " has \(good)")
    }
    return sorted
  }

  /// Whether the signed log begins with what is here.
  private func begins(_ signed: Checkpoint, proof: [String]) -> Bool {
    MerkleProof.isConsistent(
      (frontier.size, frontier.root), (signed.size, signed.root),
      path: proof.compactMap { Data(base64Encoded: $0).flatMap { Hash256(bytes: $0) } })
  }

  /// The records are not those that were signed: names the first that is not.
  private mutating func reportAltered(_ signed: Checkpoint) {
    // The stored hashes are good for naming it only if they are the signed ones.
    if let firstAltered, stored.size == signed.size, stored.root == signed.root {
      return report(.altered, at: firstAltered, "its bytes are not those that its writer signed")
    }
    let first = witnessConflict?.good ?? lastWitness?.size ?? 0
    let last = (witnessConflict?.bad.size ?? signed.size) - 1
    report(.altered, at: first, "it, or one up to \(last), is not what its writer signed")
  }

  private var sorted: [Finding] {
    findings.sorted { ($0.seq ?? .max) < ($1.seq ?? .max) }
  }

  private mutating func report(_ code: Finding.Code, _ message: String) {
    report(code, at: expected, message)
  }

  private mutating func report(_ code: Finding.Code, at seq: UInt64?, _ message: String) {
    guard !findings.contains(where: { $0.code == code }) else { return }
    findings.append(Finding(code, log: log, seq: seq, message))
  }
}

/// What a verification learns of a log beside whether it is whole.
package struct LogFacts: Hashable, Sendable {
  package var records: UInt64 = 0
  package var losses: [LossRecord] = []
  /// `log.open` with the seq 0, which cites the epoch before.
  package var opening: LogOpenRecord?
  package var first: WallTime?
  package var last: WallTime?

  mutating func take(_ record: DecodedRecord) {
    records += 1
    first = first ?? record.header.time
    last = record.header.time
    switch record.body {
    case .loss(let loss): losses.append(loss)
    case .logOpen(let open) where record.header.seq == 0: opening = open
    default: break
    }
  }
}

extension WallTime {
  /// Since 1970.
  package var microseconds: Int64 { unixNanoseconds.flooredMicroseconds }
}

extension Int64 {
  /// The microseconds of so many nanoseconds, as the store rounds them.
  fileprivate var flooredMicroseconds: Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: 1000)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
