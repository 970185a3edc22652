package import AuditLog
package import ControlCore
package import GatewayModel

/// Holds the tables that questions are answered from against the records.
extension PostgresStore: ComparisonStore {
  /// How often the rows of an agent are compared again from the beginning, when days or epochs came
  /// or went meanwhile.
  private static let maximumAttempts = 5

  package func compareTables(
    of agents: [AgentID]?, control: LogID, analyse: @escaping TextAnalyser,
    tell: @escaping (ComparisonNews) async throws -> Void
  ) async throws -> ComparedTables {
    var total = ComparedTables()
    let start = try await clock()
    var replaced: Set<[UInt8]> = []
    var isWhole = agents == nil
    try await compareEntries(of: control, &total, tell)
    for agent in try await writers(agents, but: control.agent) {
      let comparison = try await compare(agent, total, tell)
      total.records += comparison.records
      total.rows += comparison.rows
      replaced.formUnion(comparison.replacedTexts)
      if comparison.isCut { isWhole = false }
      try await tellAll(comparison.found, &total, tell)
    }
    try await findStrangers(agents, but: control.agent, &total, tell)
    try await findUnopenedSessions(agents, &total, tell)
    try await compareAllTexts(
      replaced, isWhole: isWhole, since: start, analyse, &total, tell)
    return total
  }

  func tellAll(
    _ found: FindingList, _ total: inout ComparedTables,
    _ tell: (ComparisonNews) async throws -> Void
  ) async throws {
    for finding in found.findings { try await tell(.finding(finding)) }
    total.findings += found.findings.count
    total.leftOut += found.leftOut
  }

  private func clock() async throws -> WallTime {
    try await transact("reading the database's clock") { session in
      guard
        let now = try session.row(
          "SELECT clock_timestamp()", [], { row throws(PostgresError) in try row.time() })
      else { throw ControlError(.internal, "The database's clock could not be read.") }
      return now
    }
  }

  /// Begins a transaction that reads records and rows as they are at one moment.
  ///
  /// Retention waits for it: a day that was dropped behind the snapshot would be absent from tables
  /// that the snapshot still lists. LOCK takes no snapshot, and the parents are what retention locks.
  static func beginComparison(_ session: PostgresSession) throws(PostgresError) {
    try session.script(
      """
      SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
      LOCK TABLE ONLY sallyport.record, ONLY sallyport.statement IN ACCESS SHARE MODE
      """)
  }

  private func writers(
    _ agents: [AgentID]?, but control: AgentID
  ) async throws(ControlError) -> [AgentID] {
    try await transact("listing the agents with logs") { session in
      try session.rows(
        """
        SELECT DISTINCT agent FROM sallyport.log_cursor
        WHERE next_seq > 0 AND agent <> $1 AND ($2::uuid[] IS NULL OR agent = ANY ($2))
        ORDER BY agent
        """, [.identifier(control.value), Self.filter(agents)]
      ) { row throws(PostgresError) in AgentID(try row.identifier()) }
    }
  }

  static func filter(_ agents: [AgentID]?) -> SQLValue {
    agents.map { .identifiers($0.map(\.value)) } ?? .null
  }

  /// Compares the rows of one agent, from its first stored record to the end of its logs.
  private func compare(
    _ agent: AgentID, _ total: ComparedTables, _ tell: (ComparisonNews) async throws -> Void
  ) async throws -> AgentComparison {
    for _ in 0..<Self.maximumAttempts {
      var comparison = AgentComparison(agent: agent)
      while !comparison.isDone, !comparison.isStale {
        let before = comparison
        comparison = try await transact("comparing the rows of the agent \(agent)") { session in
          var comparison = before
          try comparison.step(session)
          return comparison
        }
        try await tell(
          .progress(
            records: total.records + comparison.records, rows: total.rows + comparison.rows))
      }
      if comparison.isDone { return comparison }
    }
    throw ControlError(
      .unavailable,
      "The rows of the agent \(agent) could not be compared: days were removed or epochs began "
        + "\(Self.maximumAttempts) times meanwhile.",
      remedy: "Ask again when retention has run.")
  }
}
