internal import AuditLog
internal import Crypto
internal import Foundation
package import GatewayModel

/// What an export is of; with nothing given, of everything.
package struct ExportScope: Sendable, Equatable {
  /// Only the logs of these agents. The control plane's own is there in any case.
  package var agents: [AgentID]?
  /// Records that arrived at or after this, of the agents' logs.
  package var since: WallTime?
  /// Records that arrived before this, of the agents' logs.
  package var until: WallTime?

  package init(agents: [AgentID]? = nil, since: WallTime? = nil, until: WallTime? = nil) {
    self.agents = agents
    self.since = since
    self.until = until
  }

  var isComplete: Bool { agents == nil && since == nil && until == nil }

  /// In words, for who reads the file.
  var description: String? {
    guard !isComplete else { return nil }
    var parts: [String] = []
    if let agents { parts.append("agents " + agents.map(\.description).joined(separator: ", ")) }
    if let since { parts.append("arrived since \(TimeText.text(since))") }
    if let until { parts.append("arrived before \(TimeText.text(until))") }
    return parts.joined(separator: "; ")
  }
}

/// Makes one export, line by line.
struct AuditExport {
  /// As many as a tile has leaf hashes.
  static let part: UInt64 = 256

  let store: any EvidenceStore
  let control: WriterKey
  let scope: ExportScope
  let made: WallTime
  /// Takes the bytes of some lines; waits while it can take no more.
  let write: (Data) async throws -> Void

  private var hash = SHA256()
  private var logs = 0
  private var records = 0
  private let encoder: JSONEncoder

  init(
    store: any EvidenceStore, control: WriterKey, scope: ExportScope, made: WallTime,
    write: @escaping (Data) async throws -> Void
  ) {
    self.store = store
    self.control = control
    self.scope = scope
    self.made = made
    self.write = write
    encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  }

  mutating func run() async throws {
    // The control plane's log first, and its size before the others': what it has witnessed of them
    // is then in what follows.
    let own = try await store.storedLogs(of: [control.agent])
    let others = try await store.storedLogs(of: scope.agents).filter {
      $0.log.agent != control.agent
    }
    try await put([
      .export(
        ExportHeader(
          made: TimeText.text(made), controlPlane: control.agent.description,
          isComplete: scope.isComplete, scope: scope.description))
    ])
    let writers = Set(others.map(\.log.agent))
    let keys = try await store.writerKeys().filter { writers.contains($0.agent) }
    try await put(([control] + keys).map { .key(Self.line($0)) })
    for log in own { try await put(log, since: nil, until: nil) }
    for log in others { try await put(log, since: scope.since, until: scope.until) }
    let close = ExportClose(
      logs: logs, records: records, sha256: Hash256(hash.finalize()).description)
    try await put([.close(close)])
  }

  private static func line(_ key: WriterKey) -> ExportKey {
    ExportKey(
      agent: key.agent.description, name: key.name,
      ed25519: Data(key.key).base64EncodedString())
  }

  private mutating func put(_ log: StoredLog, since: WallTime?, until: WallTime?) async throws {
    let first = try await store.firstSeq(of: log.log, since: since) ?? log.size
    var end = log.size
    if let until, let behind = try await store.firstSeq(of: log.log, since: until) {
      end = min(end, behind)
    }
    let from = min(first, end)
    let frontier = try await store.frontier(of: log.log, size: from)
    try await put([
      .log(
        ExportLog(
          log: log.log.description, from: from,
          frontier: frontier.subtrees.map { Data($0.bytes).base64EncodedString() }))
    ])
    var next = from
    while next < end {
      let behind = min(end, (next / Self.part + 1) * Self.part)
      try await put(log.log, next..<behind)
      next = behind
    }
    if since == nil, until == nil { try await putStrays(of: log.log) }
    var head = ExportHead(checkpoint: String(decoding: log.checkpoint, as: UTF8.self))
    if end < log.size {
      head.consistency = try await store.consistencyProof(log.log, from: end, to: log.size).map {
        Data($0.bytes).base64EncodedString()
      }
    }
    try await put([.head(head)])
    logs += 1
  }

  /// The records that stand outside of the log: no verification is to pass them over.
  private mutating func putStrays(of log: LogID) async throws {
    var place: Int64?
    while true {
      let found = try await store.strayRecords(of: log, behind: place, limit: Int(Self.part))
      guard let last = found.last, place.map({ last.place > $0 }) ?? true else { return }
      records += found.count
      try await put(found.map { .record(Self.line($0.record)) })
      place = last.place
    }
  }

  /// The records of a part of a log that are there, and the hashes kept of them.
  private mutating func put(_ log: LogID, _ part: Range<UInt64>) async throws {
    var next = part.lowerBound
    while next < part.upperBound {
      let found = try await store.records(
        of: log, from: next, before: part.upperBound, limit: part.count)
      guard let last = found.last, last.seq >= next else { break }
      records += found.count
      try await put(found.map { .record(Self.line($0)) })
      guard last.seq < part.upperBound else { break }
      next = last.seq + 1
    }
    let hashes = try await store.leaves(of: log, part).flatMap(\.bytes)
    try await put([.leaves(ExportLeaves(hashes: Data(hashes).base64EncodedString()))])
  }

  private static func line(_ record: StoredRecord) -> ExportRecord {
    ExportRecord(
      bytes: Data(record.bytes).base64EncodedString(), received: record.receivedAt.microseconds,
      at: record.at.microseconds, kind: record.kind, session: record.session?.description,
      statement: record.statement)
  }

  private mutating func put(_ lines: [ExportLine]) async throws {
    var bytes = Data()
    for line in lines {
      bytes.append(try encoder.encode(line))
      bytes.append(UInt8(ascii: "\n"))
    }
    hash.update(data: bytes)
    try await write(bytes)
  }
}
