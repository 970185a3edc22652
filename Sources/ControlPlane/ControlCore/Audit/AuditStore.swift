package import APIModel
package import GatewayModel

/// Where records are kept, once each and in the order of their log.
package protocol AuditStore: TextStore {
  /// Stores a batch and moves the log's cursor, both or neither. The time of its arrival is the
  /// store's own, so that it never falls within a log.
  func ingest(_ batch: ShippedBatch) async throws(ControlError) -> IngestAnswer
  /// Where a log is to go on: `wrongCursor`, also for a log of which nothing is stored, or
  /// `quarantined`.
  func position(of log: LogID) async throws(ControlError) -> IngestAnswer
  /// One page of statements and refusals.
  ///
  /// `newest`: by the agents' clocks, those whose outcome is not known yet included as `unknown`.
  /// `oldest`: in the order in which outcomes became known, which is the order to follow: a row
  /// never comes before one that was shown. Every page of it has a cursor, also the last. A
  /// statement that an agent's new epoch left unknown comes again if its end arrives after all.
  func statements(_ query: StatementQuery) async throws(ControlError) -> Page<StatementInfo>
  func sessions(_ query: SessionQuery) async throws(ControlError) -> Page<SessionInfo>
  /// The sessions with an id, one at most for each agent, each with a page of its statements as
  /// they were numbered, those without a known outcome included.
  func sessions(_ query: SessionDetailQuery) async throws(ControlError) -> [SessionDetail]
  /// Up to where the trail is complete. It grows with each batch that is stored, so that those who
  /// follow learn from it that there may be news.
  func trailEnd() async throws(ControlError) -> Int64
}
