package import AuditLog
package import GatewayModel

/// The records themselves, with what proves that they are all and as they were written.
package protocol EvidenceStore: Sendable {
  /// The logs there are, each as it stood at one moment: first by agent, then by lane, the highest
  /// epoch first. Also those of which there are records without a row that says how long they are:
  /// their size is 0 and their checkpoint empty.
  ///
  /// - Parameter agents: Only of these writers; all when `nil`.
  func storedLogs(of agents: [AgentID]?) async throws(ControlError) -> [StoredLog]
  /// The keys that sign the agents' logs, also of removed agents.
  func writerKeys() async throws(ControlError) -> [WriterKey]
  /// The first seq of a log that is stored and arrived at or after a time; `nil` when there is none.
  func firstSeq(of log: LogID, since: WallTime?) async throws(ControlError) -> UInt64?
  /// Records of a log from `seq` on, in order, before `end`; all that have the same seq together.
  ///
  /// - Parameter limit: The most records, but for others with the last seq. Fewer come when they are
  ///   long.
  func records(
    of log: LogID, from seq: UInt64, before end: UInt64, limit: Int
  ) async throws(ControlError) -> [StoredRecord]
  /// Records that stand outside of the log: behind its end as it is now, or in front of its
  /// beginning. In order, all with the same place together.
  ///
  /// - Parameters:
  ///   - place: Only those behind it; from the first on when `nil`.
  ///   - limit: The most records, but for others with the last place. Fewer come when they are long.
  func strayRecords(
    of log: LogID, behind place: Int64?, limit: Int
  ) async throws(ControlError) -> [StrayRecord]
  /// The leaf hashes that are kept for these records, as many as there are.
  func leaves(of log: LogID, _ range: Range<UInt64>) async throws(ControlError) -> [Hash256]
  /// The frontier of a log's tree when it had `size` records.
  func frontier(of log: LogID, size: UInt64) async throws(ControlError) -> MerkleFrontier
  func inclusionProof(
    _ log: LogID, index: UInt64, size: UInt64
  ) async throws(ControlError) -> [Hash256]
  func consistencyProof(
    _ log: LogID, from first: UInt64, to size: UInt64
  ) async throws(ControlError) -> [Hash256]
}

/// A log as it is stored.
package struct StoredLog: Sendable, Equatable {
  package var log: LogID
  package var size: UInt64
  /// The signed note of the log at this size; empty when there is none.
  package var checkpoint: [UInt8]

  package init(log: LogID, size: UInt64, checkpoint: [UInt8]) {
    self.log = log
    self.size = size
    self.checkpoint = checkpoint
  }
}

/// Who signs the checkpoints of an agent's logs.
package struct WriterKey: Sendable, Equatable {
  package var agent: AgentID
  /// For people.
  package var name: String
  /// The raw Ed25519 public key.
  package var key: [UInt8]

  package init(agent: AgentID, name: String, key: [UInt8]) {
    self.agent = agent
    self.name = name
    self.key = key
  }
}

/// A record with the columns beside it.
package struct StoredRecord: Sendable, Equatable {
  package var seq: UInt64
  package var receivedAt: WallTime
  package var at: WallTime
  package var kind: String
  package var session: SessionID?
  package var statement: Int64?
  package var bytes: [UInt8]

  package init(
    seq: UInt64, receivedAt: WallTime, at: WallTime, kind: String, session: SessionID?,
    statement: Int64?, bytes: [UInt8]
  ) {
    self.seq = seq
    self.receivedAt = receivedAt
    self.at = at
    self.kind = kind
    self.session = session
    self.statement = statement
    self.bytes = bytes
  }
}

/// A record that stands where its log has no place for it.
package struct StrayRecord: Sendable, Equatable {
  /// The column `seq`, which can be below 0 here.
  package var place: Int64
  package var record: StoredRecord

  package init(place: Int64, record: StoredRecord) {
    self.place = place
    self.record = record
  }
}
