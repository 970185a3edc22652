package import APIModel
internal import GatewayModel

/// Takes the agents' records and answers questions about them.
package struct AuditService: Sendable {
  /// The most records of one batch.
  package static let maximumBatchRecords = 100_000
  /// The most bytes of records of one batch: what one message of the link can bring.
  package static let maximumBatchBytes = SizeLimits.linkMessageBytes
  static let maximumSessionStatements = 1000
  /// How often this replica looks for news while somebody waits for them.
  static let followInterval = Duration.milliseconds(100)
  /// The most sessions with one id that are shown together.
  static let maximumNamesakes = 4

  let store: any AuditStore
  let log: ControlLog
  let surroundings: Surroundings
  let watch: TrailWatch

  init(store: any AuditStore, log: ControlLog, surroundings: Surroundings) {
    self.store = store
    self.log = log
    self.surroundings = surroundings
    watch = TrailWatch(surroundings: surroundings)
  }

  /// Stores a batch of a log, exactly once; one without records is answered with where to go on.
  ///
  /// - Throws: `invalid` when the batch is too large; `unavailable` when the database is
  ///   away: nothing was stored, or everything (the next try then says wrong cursor).
  package func ingest(_ batch: ShippedBatch) async throws(ControlError) -> IngestAnswer {
    if batch.records.isEmpty { return try await store.position(of: batch.log) }
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

  /// One page of statements and refused entries. With patience it waits for a first row, and is
  /// empty when none came in time.
  ///
  /// - Throws: `invalid` naming the filter; `unavailable` when too many wait already.
  package func statements(
    _ filter: StatementFilter, by caller: Caller
  ) async throws(ControlError) -> Page<StatementInfo> {
    var query = try StatementQuery(filter)
    var question = filter
    (question.cursor, question.wait) = (nil, nil)
    try await log.willRead("statements", question, goesOn: filter.cursor != nil, by: caller)
    let end = query.patience.map { surroundings.now().advanced(by: $0) }
    while true {
      // Taken before the store is asked: what is stored between is then not waited for in vain.
      let seen = await watch.position
      let page = try await store.statements(query)
      guard let end, page.items.isEmpty, let cursor = page.nextCursor else { return page }
      query.cursor = cursor
      let left = end.unixNanoseconds - surroundings.now().unixNanoseconds
      guard left > 0, !Task.isCancelled else { return page }
      let isNews = try await watch.wait(beyond: seen, within: .nanoseconds(left))
      guard isNews else { return page }
    }
  }

  /// Looks for news while somebody waits for them, until the task is cancelled. Run it in every
  /// replica; at its end all who wait are answered.
  func run() async {
    while !Task.isCancelled {
      if await watch.hasWaiters {
        // A store that is away fails those who ask again; they need no second voice.
        if let position = try? await store.trailEnd() { await watch.update(position) }
      }
      do {
        try await surroundings.sleep(Self.followInterval)
      } catch {
        break
      }
    }
    await watch.close()
  }

  /// Answers all who wait for news now, and none waits from now on: the program ends.
  package func endWaiting() async { await watch.close() }

  /// One page of sessions, newest first.
  ///
  /// - Throws: `invalid` naming the filter.
  package func sessions(
    _ filter: SessionFilter, by caller: Caller
  ) async throws(ControlError) -> Page<SessionInfo> {
    let query = try SessionQuery(filter)
    var question = filter
    question.cursor = nil
    try await log.willRead("sessions", question, goesOn: filter.cursor != nil, by: caller)
    return try await store.sessions(query)
  }

  /// The sessions with an id, each with a page of its statements, the first one at first.
  ///
  /// Agents draw the ids at random, so there are several only where one agent uses another's.
  /// - Parameters:
  ///   - agent: The agent's id, or how it begins.
  ///   - limit: The most statements, 1 to 1000; 1000 when absent.
  ///   - cursor: That of an earlier page of the same agent's session.
  /// - Throws: `notFound`, `invalid` for what is not an id, and for more than four sessions.
  package func sessions(
    withID id: String, agent: String?, limit: Int? = nil, cursor: String? = nil,
    by caller: Caller
  ) async throws(ControlError) -> [SessionDetail] {
    let session = try FilterText.session(id)
    let prefix = try agent.map(FilterText.agentPrefix)
    if let cursor, prefix == nil {
      throw Check.invalid("cursor", cursor, "Give the session's agent with it.")
    }
    var question = ["session": session.description]
    question["agent"] = prefix
    try await log.willRead("session", question, goesOn: cursor != nil, by: caller)
    let details = try await store.sessions(
      SessionDetailQuery(
        id: session, agentPrefix: prefix, limit: Self.maximumNamesakes + 1,
        statementLimit: try limit.map(FilterText.limit) ?? Self.maximumSessionStatements,
        cursor: cursor))
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
