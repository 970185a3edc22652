import Crypto
import GatewayModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Verifies an export of the audit trail, line by line; the same for a stream from the API and for
/// a file.
///
/// The control plane's own log comes first: it says what was witnessed of the others, which of
/// their records were removed in order, and with which keys the agents were enrolled. Of each agent
/// and lane the epochs come together, from the highest to the lowest, so that what an epoch cites of
/// the one before is known when that comes. An export in another order is unreadable.
package struct ExportVerifier {
  private enum Phase {
    case start
    case between
    case inLog(LogVerifier)
    case closed
    /// A line made no sense: nothing behind it is read.
    case unreadable
  }

  /// Keys that are trusted whatever the export says; when there are any, no agent's key is taken
  /// that is not one of them.
  private let trusted: [AgentID: [UInt8]]
  /// A checkpoint of the control plane's own log that the auditor has kept.
  private let kept: Checkpoint?
  private var phase = Phase.start
  private var header: ExportHeader?
  private var keys: [AgentID: Curve25519.Signing.PublicKey] = [:]
  /// As the lines say them.
  private var written: [AgentID: Data] = [:]
  private var order = LogOrder()
  private var history = WitnessedHistory()
  private var controlTree = ControlTree()
  private var arrivals = FirstArrivals()
  private var hash = SHA256()
  private var line = 0
  private var findings: [Finding] = []
  private var logs: [VerifiedLog] = []
  private var records = 0

  package init(trusted: [AgentID: [UInt8]] = [:], kept: Checkpoint? = nil) {
    self.trusted = trusted
    self.kept = kept
  }

  /// Whether a further line can change anything but the count of what is wrong.
  package var isReadable: Bool {
    if case .unreadable = phase { false } else { true }
  }

  // MARK: Lines

  /// Takes one line, without its line feed.
  package mutating func take(_ bytes: Data) {
    line += 1
    guard isReadable else { return }
    guard let parsed = try? JSONDecoder().decode(ExportLine.self, from: bytes) else {
      return giveUp("line \(line) is not one of those an export has")
    }
    switch parsed {
    case .close(let close): take(close)
    case .export(let header): take(header)
    case .key(let key): take(key)
    case .log(let log): begin(log)
    case .record(let record): take(record)
    case .leaves(let leaves): take(leaves)
    case .head(let head): end(head)
    }
    hash.update(data: bytes)
    hash.update(data: [UInt8(ascii: "\n")])
  }

  private mutating func take(_ header: ExportHeader) {
    guard case .start = phase else { return giveUp("line \(line) is a second header") }
    guard header.format == ExportHeader.format, header.version == ExportHeader.version else {
      return giveUp(
        "the export is of the form \"\(header.format)\" \(header.version), not"
          + " \"\(ExportHeader.format)\" \(ExportHeader.version)")
    }
    self.header = header
    phase = .between
  }

  private mutating func take(_ line: ExportKey) {
    guard case .between = phase, let id = Identifier128(text: line.agent),
      let raw = Data(base64Encoded: line.ed25519),
      let key = try? Curve25519.Signing.PublicKey(rawRepresentation: raw)
    else { return giveUp("line \(self.line) is no key, or stands where none can stand") }
    let agent = AgentID(id)
    guard written.updateValue(raw, forKey: agent) == nil else {
      return giveUp("line \(self.line) is a second key of \(agent)")
    }
    if let known = trusted[agent], known != Array(raw) {
      findings.append(
        Finding(
          .signature, "the key of \"\(line.name)\" (\(agent)) is not the one that is trusted"))
      return
    }
    // Without its key each log of an agent that nobody trusts is one of an unknown writer.
    guard trusted.isEmpty || trusted[agent] != nil || isControlPlane(agent) else { return }
    keys[agent] = key
  }

  private mutating func begin(_ section: ExportLog) {
    guard case .between = phase, let log = LogID(text: section.log),
      let frontier = MerkleFrontier(
        size: section.from,
        subtrees: section.frontier.compactMap {
          Data(base64Encoded: $0).flatMap { Hash256(bytes: $0) }
        })
    else { return giveUp("line \(line) begins no log, or stands where none can begin") }
    if logs.isEmpty {
      guard isControlPlane(log.agent) else {
        return giveUp(
          "line \(line) begins the log \(log), but the first must be that of the control plane")
      }
      if let kept, kept.log != log {
        return giveUp(
          "the kept checkpoint is of the log \(kept.log), the control plane's own is \(log)")
      }
      controlTree = ControlTree(log: log, base: frontier)
    }
    guard order.take(log) else {
      return giveUp("line \(line) begins the log \(log) a second time, or out of order")
    }
    if header?.isComplete == true, section.from > 0,
      history.pruned[log] != Checkpoint(log: log, of: frontier)
    {
      findings.append(
        Finding(
          .missing, log: log, seq: 0,
          "the records up to \(section.from - 1) are absent, and no prune record says why"))
    }
    var witnessed = history.heads(of: log)
    if isControlLog(log), let kept {
      witnessed.append(.init(source: .kept, size: kept.size, root: kept.root))
    }
    history.began(log)
    phase = .inLog(LogVerifier(log: log, frontier: frontier, witnessed: witnessed))
  }

  private mutating func take(_ record: ExportRecord) {
    guard case .inLog(var verifier) = phase else {
      return giveUp("line \(line) is a record outside a log")
    }
    // Not held twice while it changes.
    phase = .unreadable
    records += 1
    let decoded = verifier.take(record)
    if isControlLog(verifier.log) {
      if let leaf = verifier.lastLeaf { controlTree.append(leaf) }
      if let decoded { history.take(decoded) }
    } else if let decoded {
      controlTree.take(decoded, of: verifier.log, key: keys[controlTree.log.agent])
    }
    if let decoded { history.take(opening: decoded, of: verifier.log) }
    phase = .inLog(verifier)
  }

  private mutating func take(_ leaves: ExportLeaves) {
    guard case .inLog(var verifier) = phase else {
      return giveUp("line \(line) has hashes outside a log")
    }
    phase = .unreadable
    verifier.take(leaves)
    phase = .inLog(verifier)
  }

  private mutating func end(_ head: ExportHead) {
    guard case .inLog(var verifier) = phase else {
      return giveUp("line \(line) ends no log")
    }
    let log = verifier.log
    if header?.isComplete == true, head.consistency != nil {
      return giveUp("line \(line) ends the log \(log) early in an export of everything")
    }
    var found: [Finding] = []
    if let key = keys[log.agent] {
      found = verifier.finish(head, key: key)
    } else {
      found.append(
        Finding(
          .unknownWriter, log: log,
          "there is no \(trusted.isEmpty ? "" : "trusted ")key of its writer to verify it with"))
    }
    if !isControlLog(log) {
      if found.isEmpty, header?.isComplete == true {
        found += history.unwitnessed(log, since: verifier.firstUnwitnessed)
      }
      arrivals.take(log.agent, from: verifier.first, received: verifier.firstArrival)
    }
    findings += found
    logs.append(
      VerifiedLog(
        log: log, isOfControlPlane: isControlLog(log), from: verifier.first,
        size: verifier.expected, root: verifier.frontier.root, facts: verifier.facts))
    phase = .between
  }

  private mutating func take(_ close: ExportClose) {
    guard case .between = phase else {
      return giveUp("line \(line) closes the export within a log")
    }
    let digest = Hash256(hash.finalize()).description
    guard close.logs == logs.count, close.records == records, close.sha256 == digest else {
      return giveUp(
        "the last line is of \(close.logs) logs and \(close.records) records with the hash"
          + " \(close.sha256), here are \(logs.count) and \(records) with \(digest)")
    }
    phase = .closed
  }

  private mutating func giveUp(_ message: String) {
    findings.append(Finding(.unreadable, message))
    phase = .unreadable
  }

  private func isControlPlane(_ agent: AgentID) -> Bool {
    header.flatMap { Identifier128(text: $0.controlPlane) } == agent.value
  }

  /// The first log; what else stands under the control plane's id is a log like those of agents.
  private func isControlLog(_ log: LogID) -> Bool { log == controlTree.log }

  // MARK: The end

  /// What was found, after the last line.
  package mutating func finish() -> VerificationReport {
    if isReadable {
      if case .closed = phase {
        findings += controlTree.contradictions()
        findForeignKeys()
        findAbsent()
      } else {
        giveUp("it ends at line \(line), before its last line")
      }
    }
    return VerificationReport(
      isComplete: header?.isComplete ?? false, scope: header?.scope, findings: findings,
      logs: logs, records: records, equivocations: history.equivocations)
  }

  /// Holds the keys of the export against those that the agents were enrolled with.
  private mutating func findForeignKeys() {
    guard let control = logs.first, control.isOfControlPlane, control.from == 0 else { return }
    for (agent, key) in written.sorted(by: { "\($0.key)" < "\($1.key)" }) {
      guard let enrolled = history.enrolled[agent], enrolled != key else { continue }
      findings.append(
        Finding(
          .signature, "the key of \(agent) is not the one that it was enrolled with"))
    }
    guard header?.isComplete == true, let began = history.began else { return }
    let strangers = arrivals.agents(since: began).filter { history.enrolled[$0] == nil }
    for agent in strangers.sorted(by: { "\($0)" < "\($1)" }) {
      findings.append(
        Finding(
          .unknownWriter,
          "the agent \(agent) has logs, but the control plane's log has no enrolment of it"))
    }
  }

  private mutating func findAbsent() {
    guard header?.isComplete == true else { return }
    if !logs.contains(where: { $0.isOfControlPlane }) {
      findings.append(Finding(.absent, "the control plane's own log is not there"))
    }
    let present = Set(logs.map(\.log))
    let absent = history.logs.subtracting(present).sorted { "\($0)" < "\($1)" }
    for log in absent {
      let size = history.heads(of: log).map(\.size).max() ?? 0
      findings.append(
        Finding(
          .absent, log: log, "it is not there, but \(size) records of it were witnessed"))
    }
    for (log, size) in history.unmetCitations {
      findings.append(
        Finding(
          .absent, log: log,
          "the epoch before it is not there, but it cites \(size) records of that"))
    }
  }
}
