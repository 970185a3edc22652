package import APIModel
package import Foundation
package import GatewayModel

/// Where records are kept, once each and in the order of their log.
package protocol AuditStore: Sendable {
  /// Stores a batch and moves the log's cursor, both or neither. The time of its arrival is the
  /// store's own, so that it never falls within a log.
  func ingest(_ batch: ShippedBatch) async throws(ControlError) -> IngestAnswer
  /// One page of statements and refusals.
  ///
  /// `newest`: by the agents' clocks, those whose outcome is not known yet included as `unknown`.
  /// `oldest`: in the order in which outcomes became known, which is the order to follow: a row
  /// never comes before one that was shown. Every page of it has a cursor, also the last. A
  /// statement that an agent's new epoch left unknown comes again if its end arrives after all.
  func statements(_ query: StatementQuery) async throws(ControlError) -> Page<StatementInfo>
  func sessions(_ query: SessionQuery) async throws(ControlError) -> Page<SessionInfo>
  /// The sessions with an id, one at most for each agent, each with its first statements as they
  /// were numbered, those without a known outcome included.
  ///
  /// - Parameters:
  ///   - agentPrefix: Hexadecimal digits that the agent's id begins with.
  ///   - limit: The most sessions.
  ///   - statementLimit: The most statements of each.
  func sessions(
    withID id: SessionID, agentPrefix: String?, limit: Int, statementLimit: Int
  ) async throws(ControlError) -> [SessionDetail]
}

/// Records of one log as an agent ships them.
package struct ShippedBatch: Sendable {
  package var log: LogID
  /// The seq of the first record.
  package var fromSeq: UInt64
  /// AuditRecord messages, as written.
  package var records: [Data]
  /// A signed checkpoint of the log after the batch; empty when none came.
  package var checkpoint: Data

  package init(log: LogID, fromSeq: UInt64, records: [Data], checkpoint: Data) {
    self.log = log
    self.fromSeq = fromSeq
    self.records = records
    self.checkpoint = checkpoint
  }
}

/// What a shipping agent is told.
package enum IngestAnswer: Sendable, Equatable {
  /// Stored and committed; `nextSeq` is behind the batch.
  case stored(nextSeq: UInt64)
  /// The batch does not begin at the cursor; go on from `nextSeq`.
  case wrongCursor(nextSeq: UInt64)
  case retryLater(after: Duration)
}
