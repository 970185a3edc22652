package import AuditLog
package import Foundation
internal import GatewayModel

/// Gives out the records themselves, with what proves that they are all and unaltered. Whoever
/// verifies them does so on his own machine and need not trust this one.
package struct EvidenceService: Sendable {
  let store: any EvidenceStore
  let tables: any ComparisonStore
  let keys: ControlKeys
  let log: ControlLog
  let surroundings: Surroundings

  /// Writes an export; what it is of stands in the control plane's own log before its first byte.
  ///
  /// - Parameters:
  ///   - agents: Ids or prefixes of the agents whose logs are wanted; all when empty.
  ///   - since: RFC 3339; records that arrived at or after it.
  ///   - until: RFC 3339; records that arrived before it.
  ///   - begin: Called once when the question is in order, before the first line.
  ///   - write: Takes the bytes of some lines; waits while it can take no more.
  /// - Throws: `invalid` for a time or agent that is none, `notFound` for an agent without a log.
  package func export(
    agents: [String], since: String?, until: String?, by caller: Caller
  ) async throws(ControlError) -> PreparedExport {
    let scope = try await scope(agents: agents, since: since, until: until)
    try await log.willRead(
      "export", ["agents": agents.joined(separator: ","), "since": since, "until": until],
      by: caller)
    return PreparedExport(
      store: store, control: control, scope: scope, made: surroundings.now())
  }

  /// Reads what part of the trail is asked for.
  func scope(
    agents: [String], since: String?, until: String?
  ) async throws(ControlError) -> ExportScope {
    ExportScope(
      agents: agents.isEmpty ? nil : try await found(agents),
      since: try since.map { text throws(ControlError) in try FilterText.time(text, field: "since")
      },
      until: try until.map { text throws(ControlError) in try FilterText.time(text, field: "until")
      })
  }

  /// Proves that a record stands in its log.
  ///
  /// - Parameters:
  ///   - agent: The id of the log's writer, or how it begins.
  ///   - seq: The record's place in the log.
  /// - Throws: `notFound` when there is no such record.
  package func proof(
    agent: String, epoch: UInt64, lane: UInt32, seq: UInt64, by caller: Caller
  ) async throws(ControlError) -> RecordProof {
    let writer = try await found([agent])
    try await log.willRead("proof", ["record": "\(agent)/\(epoch)/\(lane)/\(seq)"], by: caller)
    let logs = try await store.storedLogs(of: writer).filter {
      $0.log.epoch == epoch && $0.log.lane == lane && seq < $0.size
    }
    guard let stored = logs.first, logs.count == 1,
      let record = try await store.records(
        of: stored.log, from: seq, before: seq + 1, limit: 1
      ).first, record.seq == seq,
      let key = try await key(of: stored.log)
    else {
      throw ControlError(
        .notFound, "There is no record \(agent)/\(epoch)/\(lane)/\(seq).",
        remedy: "See `sallyport audit query --format json` for the records of statements; what "
          + "retention has removed is in its export.")
    }
    let path = try await store.inclusionProof(stored.log, index: seq, size: stored.size)
    return RecordProof(
      log: stored.log, seq: seq, record: record.bytes, path: path,
      checkpoint: String(decoding: stored.checkpoint, as: UTF8.self), key: key.key)
  }

  private var control: WriterKey {
    WriterKey(
      agent: keys.controlLog.agent, name: "control plane",
      key: Array(keys.auditKey.publicKey.rawRepresentation))
  }

  private func key(of log: LogID) async throws(ControlError) -> WriterKey? {
    if log.agent == control.agent { return control }
    return try await store.writerKeys().first { $0.agent == log.agent }
  }

  /// The writers that ids and prefixes name, the control plane among them.
  private func found(_ prefixes: [String]) async throws(ControlError) -> [AgentID] {
    let known = [control.agent] + (try await store.writerKeys()).map(\.agent)
    var found: [AgentID] = []
    for prefix in prefixes {
      let digits = try FilterText.agentPrefix(prefix).filter { $0 != "-" }
      let matches = known.filter { $0.description.filter { $0 != "-" }.hasPrefix(digits) }
      guard !matches.isEmpty else {
        throw ControlError(
          .notFound, "There is no agent \"\(prefix)\".",
          remedy: "See `sallyport agents list` for those there are.")
      }
      found += matches.filter { !found.contains($0) }
    }
    return found
  }
}

/// An export that is in order and can be written.
package struct PreparedExport: Sendable {
  let store: any EvidenceStore
  let control: WriterKey
  let scope: ExportScope
  let made: WallTime

  /// Writes all of it.
  ///
  /// - Parameter write: Takes the bytes of some lines; waits while it can take no more.
  package func write(to write: @escaping (Data) async throws -> Void) async throws {
    var export = AuditExport(
      store: store, control: control, scope: scope, made: made, write: write)
    try await export.run()
  }
}
