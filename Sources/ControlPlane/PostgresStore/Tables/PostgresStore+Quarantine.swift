internal import AuditLog
package import ControlCore
package import GatewayModel

extension PostgresStore {
  /// Why nothing is taken from an agent; `nil` when it is in good standing.
  static func quarantineReason(
    _ agent: AgentID, _ session: PostgresSession
  ) throws(PostgresError) -> String? {
    let found = try session.row(
      """
      SELECT quarantine_reason FROM sallyport.agent
      WHERE id = $1 AND quarantined_at IS NOT NULL
      """, [.identifier(agent.value)]
    ) { row throws(PostgresError) in try row.optionalText() ?? "" }
    return found
  }

  /// Keeps the evidence and quarantines the agent, in the transaction that found it.
  ///
  /// - Parameters:
  ///   - size: How many records the tree with the root has.
  ///   - root: That of the stored tree, where another was signed.
  static func quarantine(
    _ batch: PreparedBatch, _ cursor: LogCursor, size: UInt64, root: Hash256?, _ detail: String,
    _ session: PostgresSession
  ) throws(PostgresError) {
    try session.execute(
      """
      INSERT INTO sallyport.equivocation
        (agent, epoch, lane, size, stored_root, stored_checkpoint, checkpoint, at, detail)
      VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp(), $8)
      """,
      key(batch.log) + [
        .number(size), .optional(root?.bytes), .bytes(cursor.note), .bytes(batch.note),
        .text(detail),
      ])
    try session.execute(
      """
      UPDATE sallyport.agent SET quarantined_at = clock_timestamp(), quarantine_reason = $2
      WHERE id = $1 AND quarantined_at IS NULL
      """, [.identifier(batch.log.agent.value), .text(detail)])
  }

  package func release(_ id: AgentID) async throws(ControlError) -> Bool {
    try await transact("releasing the agent \"\(id)\"") { session in
      let released = try session.execute(
        """
        UPDATE sallyport.agent SET quarantined_at = NULL, quarantine_reason = NULL
        WHERE id = $1 AND quarantined_at IS NOT NULL
        """, [.identifier(id.value)])
      // What has overlapped so far is accepted; otherwise the same batch would be found again.
      try session.execute(
        "UPDATE sallyport.log_cursor SET overlap_accepted = true WHERE agent = $1",
        [.identifier(id.value)])
      guard released == 1 else { return false }
      try record(in: session)
      return true
    }
  }
}
