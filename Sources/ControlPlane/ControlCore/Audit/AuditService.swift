package import APIModel
internal import GatewayModel

/// Takes the agents' records and answers questions about them.
package struct AuditService: Sendable {
  /// The most records of one batch.
  package static let maximumBatchRecords = 100_000
  /// The most bytes of records of one batch: what one message of the link can bring.
  package static let maximumBatchBytes = SizeLimits.linkMessageBytes
  static let maximumSessionStatements = 1000
  /// The most sessions with one id that are shown together.
  static let maximumNamesakes = 4

  let store: any AuditStore
  let surroundings: Surroundings

  /// Stores a batch of a log, exactly once.
  ///
  /// - Throws: `invalid` when the batch is empty or too large; `unavailable` when the database is
  ///   away: nothing was stored, or everything (the next try then says wrong cursor).
  package func ingest(_ batch: ShippedBatch) async throws(ControlError) -> IngestAnswer {
    let bytes = batch.records.reduce(0) { $0 + $1.count }
    guard (1...Self.maximumBatchRecords).contains(batch.records.count),
      bytes <= Self.maximumBatchBytes
    else {
      throw ControlError(
        .invalid, "The batch has \(batch.records.count) records of \(bytes) bytes.",
        remedy: "Send 1 to \(Self.maximumBatchRecords) records of at most "
          + "\(Self.maximumBatchBytes) bytes.")
    }
    // What the store's numbers can hold, with room for every record of the batch.
    guard batch.fromSeq <= UInt64(Int64.max) - UInt64(batch.records.count),
      batch.log.epoch <= UInt64(Int64.max)
    else {
      throw ControlError(
        .invalid, "The batch begins at seq \(batch.fromSeq) of epoch \(batch.log.epoch).",
        remedy: "Numbers go up to \(Int64.max).")
    }
    return try await store.ingest(batch)
  }

  /// One page of statements and refused entries.
  ///
  /// - Throws: `invalid` naming the filter.
  package func statements(
    _ filter: StatementFilter, by caller: Caller
  ) async throws(ControlError) -> Page<StatementInfo> {
    let query = try StatementQuery(filter)
    surroundings.logger.debug(
      "audit trail read", metadata: ["by": "\(caller.name)", "caller": "\(caller.tokenID)"])
    return try await store.statements(query)
  }

  /// One page of sessions, newest first.
  ///
  /// - Throws: `invalid` naming the filter.
  package func sessions(
    _ filter: SessionFilter, by caller: Caller
  ) async throws(ControlError) -> Page<SessionInfo> {
    try await store.sessions(try SessionQuery(filter))
  }

  /// The sessions with an id, each with its first 1000 statements.
  ///
  /// Agents draw the ids at random, so there are several only where one agent uses another's.
  /// - Parameter agent: The agent's id, or how it begins.
  /// - Throws: `notFound`, `invalid` for what is not an id, and for more than four sessions.
  package func sessions(
    withID id: String, agent: String?, by caller: Caller
  ) async throws(ControlError) -> [SessionDetail] {
    let session = try FilterText.session(id)
    let prefix = try agent.map(FilterText.agentPrefix)
    let details = try await store.sessions(
      withID: session, agentPrefix: prefix, limit: Self.maximumNamesakes + 1,
      statementLimit: Self.maximumSessionStatements)
    guard !details.isEmpty else {
      let of = prefix.map { " of an agent \"\($0)\"" } ?? ""
      throw ControlError(
        .notFound, "There is no session \"\(session)\"\(of) in the audit trail.",
        remedy: "See `sallyport sessions list` for those there are.")
    }
    guard details.count <= Self.maximumNamesakes else {
      throw ControlError(
        .invalid,
        "More than \(Self.maximumNamesakes) agents have recorded a session \"\(session)\".",
        remedy: "Name the agent; `sallyport audit query --session` shows them all.")
    }
    return details
  }
}
