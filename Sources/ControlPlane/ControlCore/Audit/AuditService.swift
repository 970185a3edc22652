package import APIModel
internal import GatewayModel

/// Takes the agents' records and answers questions about them.
package struct AuditService: Sendable {
  /// The most records, and the most bytes of records, of one batch.
  package static let maximumBatchRecords = 10_000
  package static let maximumBatchBytes = 64 << 20

  let store: any AuditStore
  let surroundings: Surroundings

  /// Stores a batch of a log, exactly once.
  ///
  /// - Throws: `invalid` when the batch is empty or too large; `unavailable` when the database is
  ///   away: nothing was stored, or everything (the next try then says wrong cursor).
  package func ingest(_ batch: ShippedBatch) async throws(ControlError) -> IngestAnswer {
    try await store.ingest(batch, at: surroundings.now())
  }
  /// One page of statements and refused entries.
  ///
  /// - Throws: `invalid` naming the filter.
  package func statements(
    _ filter: StatementFilter, by caller: Caller
  ) async throws(ControlError) -> Page<StatementInfo> { Page(items: []) }
  /// One page of sessions, newest first.
  package func sessions(
    _ filter: SessionFilter, by caller: Caller
  ) async throws(ControlError) -> Page<SessionInfo> { Page(items: []) }
  /// A session with its first 1000 statements.
  ///
  /// - Throws: `notFound`, `invalid` for what is not an id.
  package func session(
    _ id: String, by caller: Caller
  ) async throws(ControlError) -> SessionDetail { throw ControlError(.notFound, "") }
}
