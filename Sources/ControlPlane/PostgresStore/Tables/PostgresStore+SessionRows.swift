internal import AuditLog
import Foundation
internal import GatewayModel

/// The rows of sessions, written with one statement for a batch however many sessions it has.
extension PostgresStore {
  /// Stores the sessions that a batch opens; one that the agent has opened before stays as it is.
  static func open(
    _ sessions: [BatchProjection.OpenedSession], _ log: LogID, _ session: PostgresSession
  ) throws {
    guard !sessions.isEmpty else { return }
    let rows = sessions.map { SessionRow($0, log) }
    func texts(_ text: (SessionOpenRecord) -> String) -> SQLValue {
      .texts(rows.map { text($0.record) })
    }
    // As numbers: 0 or 1.
    func flags(_ flag: (SessionOpenRecord) -> Bool) -> SQLValue {
      .integers(rows.map { flag($0.record) ? 1 : 0 })
    }
    func json(_ value: (SessionRow) -> some Encodable) throws -> SQLValue {
      .texts(
        try rows.map { String(decoding: try JSONEncoder().encode(value($0)), as: UTF8.self) })
    }
    try session.execute(
      """
      INSERT INTO sallyport.session
        (agent, epoch, lane, id, seq, opened_at, principal, principal_kind, issuer, display_name,
         groups, actors, token_id, connection, database, database_role, segment, client_address,
         client_tls, server_address, server_tls, application_name, access_grant, bundle_version,
         policy, policy_stale, read_only)
      SELECT $1, $2, $3, id, seq, opened_at, principal, principal_kind, issuer, display_name,
        ARRAY(SELECT jsonb_array_elements_text(groups::jsonb)), actors::jsonb, token_id,
        connection, database, database_role, segment, client_address, client_tls, server_address,
        server_tls, application_name, access_grant, bundle_version, policy, policy_stale <> 0,
        read_only <> 0
      FROM unnest($4::uuid[], $5::bigint[], $6::timestamptz[], $7::text[], $8::text[], $9::text[],
          $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
          $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[],
          $22::text[], $23::text[], $24::bigint[], $25::text[],
          $26::bigint[], $27::bigint[])
        o (id, seq, opened_at, principal, principal_kind, issuer, display_name, groups, actors,
          token_id, connection, database, database_role, segment, client_address, client_tls,
          server_address, server_tls, application_name, access_grant, bundle_version, policy,
          policy_stale, read_only)
      ON CONFLICT (id, agent) DO NOTHING
      """,
      [
        .identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane)),
        .identifiers(rows.map(\.id)), .integers(rows.map { Int64(clamping: $0.seq) }),
        .times(rows.map(\.openedAt)), .texts(rows.map(\.principal)),
        texts(\.principal.kind.rawValue), texts(\.principal.issuer),
        .optionalTexts(rows.map(\.record.principal.displayName)), try json(\.groups),
        try json(\.actors), texts(\.tokenID), .texts(rows.map(\.connection)), texts(\.database),
        texts(\.databaseRole), texts(\.segment), texts(\.clientAddress), texts(\.clientTLS),
        texts(\.serverAddress), texts(\.serverTLS), texts(\.applicationName), texts(\.grant),
        .integers(rows.map { Int64(clamping: $0.record.bundleVersion) }), texts(\.policy),
        flags(\.isPolicyStale), flags(\.isReadOnly),
      ])
  }

  /// Closes sessions of the agent.
  ///
  /// - Parameter sessions: Each id at most once.
  static func close(
    _ sessions: [BatchProjection.ClosedSession], _ log: LogID, _ session: PostgresSession
  ) throws(PostgresError) {
    guard !sessions.isEmpty else { return }
    try session.execute(
      """
      UPDATE sallyport.session n
      SET closed_at = c.at, close_reason = c.reason, close_message = c.message,
        statements = c.statements
      FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::bigint[])
        c (id, at, reason, message, statements)
      WHERE n.id = c.id AND n.agent = $1
      """,
      [
        .identifier(log.agent.value), .identifiers(sessions.map(\.id)),
        .times(sessions.map(\.at)), .texts(sessions.map(\.record.reason)),
        .texts(sessions.map(\.record.message)),
        .integers(sessions.map { Int64(clamping: $0.record.statements) }),
      ])
  }

  /// Ends the sessions that an earlier run of the agent left open.
  static func endInterrupted(
    _ log: LogID, at: WallTime, but opened: [Identifier128], _ session: PostgresSession
  ) throws(PostgresError) {
    try session.execute(
      """
      UPDATE sallyport.session n
      SET closed_at = greatest($4, opened_at), close_reason = 'agent_stopped', close_message = ''
      WHERE agent = $1 AND epoch = $2 AND lane = $3 AND closed_at IS NULL
        AND NOT EXISTS (SELECT FROM unnest($5::uuid[]) o (id) WHERE o.id = n.id)
      """,
      [
        .identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane)), .time(at),
        .identifiers(opened),
      ])
  }
}

/// An actor as the session's row has it in JSON.
struct StoredActor: Codable, Sendable, Equatable {
  var subject: String
  var kind: String
  var verified: Bool

  init(_ actor: Actor) {
    subject = JSONBText.storable(actor.subject)
    kind = actor.kind.rawValue
    verified = actor.verified
  }
}
