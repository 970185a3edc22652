package import AuditLog
package import ControlCore
package import GatewayModel

extension PostgresStore: ControlLogStore {
  package func append(_ entry: ControlLogEntry) async throws(ControlError) {
    try await transact("writing the control plane's own log") { session in
      try Self.append(entry, session)
    }
  }

  package func checkpoint(of log: LogID) async throws(ControlError) -> SignedHead? {
    try await transact("reading the checkpoint of \"\(log)\"") { session in
      try session.row(
        """
        SELECT next_seq, checkpoint FROM sallyport.log_cursor
        WHERE agent = $1 AND epoch = $2 AND lane = $3 AND next_seq > 0
        """, Self.key(log)
      ) { row throws(PostgresError) in
        SignedHead(size: try row.unsigned(), note: try row.bytes())
      }
    }
  }

  package func consistency(
    of log: LogID, from first: UInt64, to size: UInt64
  ) async throws(ControlError) -> [Hash256]? {
    do {
      return try await consistencyProof(log, from: first, to: size)
    } catch {
      guard error.code == .notFound else { throw error }
      return nil
    }
  }

  package func entries(
    _ query: ControlLogQuery
  ) async throws(ControlError) -> [ControlLogItem] {
    try await transact("reading the control plane's own log") { session in
      try session.rows(
        """
        SELECT seq, at, action, subject, detail, refusal, caller_token, caller_name, caller_role,
          caller_address
        FROM sallyport.control_entry e
        WHERE ($1::bigint IS NULL OR seq < $1)
          AND ($2::timestamptz IS NULL OR at >= $2) AND ($3::timestamptz IS NULL OR at < $3)
          AND (cardinality($4::text[]) = 0 OR caller_name = ANY ($4) OR caller_token = ANY ($4))
          AND CASE cardinality($5::text[])
            WHEN 0 THEN action <> 'agents.witness'
            ELSE EXISTS (
              SELECT FROM unnest($5) a WHERE action = a OR starts_with(action, a || '.')) END
        ORDER BY seq DESC LIMIT $6
        """,
        [
          .optional(query.before), .optional(query.since), .optional(query.until),
          .texts(query.caller), .texts(query.action), .integer(Int64(query.limit)),
        ], Self.item)
    }
  }

  private static func item(_ row: inout RowReader) throws(PostgresError) -> ControlLogItem {
    let (seq, at) = (try row.unsigned(), try row.time())
    let (action, subject) = (try row.text(), try row.text())
    let (detail, refusal) = (try row.text(), try row.text())
    let caller = RecordedCaller(
      tokenID: try row.text(), name: try row.text(), role: try row.text(),
      address: try row.text())
    return ControlLogItem(
      seq: seq, at: at,
      summary: ControlLogSummary(
        caller: caller, action: action, subject: subject, detail: detail, refusal: refusal))
  }
}
