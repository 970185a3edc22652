package import APIModel
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
