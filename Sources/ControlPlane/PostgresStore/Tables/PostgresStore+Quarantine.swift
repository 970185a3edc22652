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

  /// Ends the quarantine of an agent, and accepts that its epochs have overlapped until now;
  /// otherwise the same batch would be found again. What they write later is not accepted.
  package func release(_ id: AgentID) async throws(ControlError) -> Bool {
    try await transact("releasing the agent \"\(id)\"") { session in
      // The logs before the agent: batches take their locks in this order.
      let epochs = try session.rows(
        """
        SELECT epoch FROM sallyport.log_cursor
        WHERE agent = $1 ORDER BY epoch, lane FOR UPDATE
        """, [.identifier(id.value)], { row throws(PostgresError) in try row.integer() })
      // No earlier than what is stored: the agent's clock may be ahead.
      let released = try session.execute(
        """
        UPDATE sallyport.agent SET quarantined_at = NULL, quarantine_reason = NULL,
          renews_freely = renews_freely OR locked_at IS NOT NULL, locked_at = NULL,
          overlap_accepted_epoch = $2,
          overlap_accepted_at = greatest(clock_timestamp(),
            (SELECT max(last_at) FROM sallyport.log_cursor WHERE agent = $1))
        WHERE id = $1 AND quarantined_at IS NOT NULL
        """, [.identifier(id.value), .optional(epochs.max())])
      guard released == 1 else { return false }
      try record(in: session)
      return true
    }
  }
}
