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
/// The control plane's own log comes first: it says what was witnessed of the others, and which of
/// their records were removed in order. Of each agent and lane the epochs come from the highest to
/// the lowest, so that what an epoch cites of the one before is known when that comes.
package struct ExportVerifier {
  private enum Phase {
    case start
    case between
    case inLog(LogVerifier)
    case closed
    /// A line made no sense: nothing behind it is read.
    case unreadable
  }

  /// Keys that are trusted whatever the export says; of these agents no other is taken.
  private let trusted: [AgentID: [UInt8]]
  /// A checkpoint of the control plane's own log that the auditor has kept.
  private let kept: Checkpoint?
  private var phase = Phase.start
  private var header: ExportHeader?
  private var keys: [AgentID: Curve25519.Signing.PublicKey] = [:]
  private var history = WitnessedHistory()
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
    if let known = trusted[agent], known != Array(raw) {
      findings.append(
        Finding(
          .signature, "the key of \"\(line.name)\" (\(agent)) is not the one that is trusted"))
      return
    }
    guard keys.updateValue(key, forKey: agent) == nil else {
      return giveUp("line \(self.line) is a second key of \(agent)")
    }
  }

  private mutating func begin(_ section: ExportLog) {
    guard case .between = phase, let log = LogID(text: section.log),
      let frontier = MerkleFrontier(
        size: section.from,
        subtrees: section.frontier.compactMap {
          Data(base64Encoded: $0).flatMap { Hash256(bytes: $0) }
        })
    else { return giveUp("line \(line) begins no log, or stands where none can begin") }
    guard !logs.contains(where: { $0.log == log }) else {
      return giveUp("line \(line) begins the log \(log) a second time")
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
    if let decoded = verifier.take(record) {
      if isControlLog(verifier.log) { history.take(decoded) }
      history.take(opening: decoded, of: verifier.log)
    }
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
    if let key = keys[log.agent] {
      findings += verifier.finish(head, key: key)
    } else {
      findings.append(
        Finding(.unknownWriter, log: log, "there is no key of its writer to verify it with"))
    }
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

  private func isControlLog(_ log: LogID) -> Bool {
    header.flatMap { Identifier128(text: $0.controlPlane) } == log.agent.value
  }

  // MARK: The end

  /// What was found, after the last line.
  package mutating func finish() -> VerificationReport {
    if isReadable {
      if case .closed = phase {
        findAbsent()
      } else {
        giveUp("it ends at line \(line), before its last line")
      }
    }
    return VerificationReport(
      isComplete: header?.isComplete ?? false, scope: header?.scope, findings: findings,
      logs: logs, records: records)
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
  }
}

/// What a verification found.
package struct VerificationReport: Hashable, Sendable {
  /// Whether all logs were to be there from their beginning.
  package var isComplete: Bool
  package var scope: String?
  package var findings: [Finding]
  package var logs: [VerifiedLog]
  package var records: Int

  package var isSound: Bool { findings.isEmpty }
}

/// A log as a verification found it.
package struct VerifiedLog: Hashable, Sendable {
  package var log: LogID
  package var isOfControlPlane: Bool
  /// The first seq that was there, and one behind the last.
  package var from: UInt64
  package var size: UInt64
  package var root: Hash256
  package var facts: LogFacts
}
