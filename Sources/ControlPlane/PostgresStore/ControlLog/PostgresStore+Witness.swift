package import AuditLog
package import ControlCore
internal import GatewayModel

extension PostgresStore {
  /// The key of the advisory lock that one replica takes the agents' heads under: "switn" in ASCII.
  private static let witnessLock: Int64 = 0x73_77_69_74_6E

  package func witness(
    limit: Int, _ entry: @escaping @Sendable (AgentsWitnessRecord) -> ControlLogEntry
  ) async throws(ControlError) -> Int {
    var count = 0
    var last: LogID?
    // Behind the last log, and not from the first again: those that never stop growing would let no
    // other have a turn.
    repeat {
      let heads = try await witness(after: last, limit: limit, entry)
      count += heads.count
      last = heads.count < limit ? nil : heads.last?.log
    } while last != nil
    return count
  }

  /// Appends one entry; a transaction of its own, so that others can append between two.
  private func witness(
    after last: LogID?, limit: Int,
    _ entry: @escaping @Sendable (AgentsWitnessRecord) -> ControlLogEntry
  ) async throws(ControlError) -> [AgentsWitnessRecord.Head] {
    try await transact("witnessing the agents' logs") { session in
      let isOurs = try session.row(
        "SELECT pg_try_advisory_xact_lock($1)", [.integer(Self.witnessLock)],
        { row throws(PostgresError) in try row.bool() })
      guard isOurs == true else { return [] }
      let heads = try Self.grownHeads(after: last, limit: limit, session)
      guard !heads.isEmpty else { return [] }
      try Self.noteWitnessed(heads, session)
      try Self.append(entry(AgentsWitnessRecord(heads: heads)), session)
      return heads
    }
  }

  package func tellEquivocations(
    _ entry: @escaping @Sendable (FoundEquivocation) -> ControlLogEntry
  ) async throws(ControlError) {
    try await transact("recording quarantined agents") { session in
      let isOurs = try session.row(
        "SELECT pg_try_advisory_xact_lock($1)", [.integer(Self.witnessLock)],
        { row throws(PostgresError) in try row.bool() })
      guard isOurs == true else { return }
      let found = try session.rows(
        """
        SELECT e.number, agent, epoch, lane, size, stored_root, checkpoint, detail
        FROM sallyport.equivocation e
        WHERE NOT EXISTS (SELECT FROM sallyport.told_equivocation t WHERE t.number = e.number)
        ORDER BY e.number LIMIT 100
        """
      ) { row throws(PostgresError) in
        (
          number: try row.integer(),
          found: FoundEquivocation(
            log: LogID(
              agent: AgentID(try row.identifier()), epoch: try row.unsigned(),
              lane: UInt32(clamping: try row.integer())),
            size: try row.unsigned(),
            storedRoot: try row.optionalBytes().flatMap { Hash256(bytes: $0) },
            checkpoint: try row.bytes(), detail: try row.text())
        )
      }
      for (number, found) in found {
        try session.execute(
          "INSERT INTO sallyport.told_equivocation (number) VALUES ($1)", [.integer(number)])
        try Self.append(entry(found), session)
      }
    }
  }

  private static func grownHeads(
    after last: LogID?, limit: Int, _ session: PostgresSession
  ) throws(PostgresError) -> [AgentsWitnessRecord.Head] {
    try session.rows(
      """
      SELECT c.agent, c.epoch, c.lane, c.next_seq, c.root, c.checkpoint
      FROM sallyport.log_cursor c
      LEFT JOIN sallyport.witnessed_log w USING (agent, epoch, lane)
      WHERE c.next_seq > coalesce(w.size, 0) AND octet_length(c.root) = 32
        AND c.agent NOT IN (SELECT id FROM sallyport.control_plane)
        AND ($2::uuid IS NULL OR (c.agent, c.epoch, c.lane) > ($2, $3::bigint, $4::bigint))
      ORDER BY c.agent, c.epoch, c.lane LIMIT $1
      """,
      [.integer(Int64(limit))] + (last.map(key) ?? [.null, .null, .null])
    ) { row throws(PostgresError) in
      let log = LogID(
        agent: AgentID(try row.identifier()), epoch: try row.unsigned(),
        lane: UInt32(clamping: try row.integer()))
      let size = try row.unsigned()
      guard let root = Hash256(bytes: try row.bytes()) else {
        throw PostgresError(code: .unexpected, message: "the root of \"\(log)\" is no hash")
      }
      return AgentsWitnessRecord.Head(
        log: log, size: size, root: root, checkpoint: try row.bytes())
    }
  }

  private static func noteWitnessed(
    _ heads: [AgentsWitnessRecord.Head], _ session: PostgresSession
  ) throws(PostgresError) {
    try session.execute(
      """
      INSERT INTO sallyport.witnessed_log (agent, epoch, lane, size)
      SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[])
      ON CONFLICT (agent, epoch, lane) DO UPDATE SET size = excluded.size
      """,
      [
        .identifiers(heads.map(\.log.agent.value)),
        .integers(heads.map { Int64(clamping: $0.log.epoch) }),
        .integers(heads.map { Int64($0.log.lane) }),
        .integers(heads.map { Int64(clamping: $0.size) }),
      ])
  }
}
