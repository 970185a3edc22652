extension Migration {
  /// What the policy was as a session opened and a statement began: stale, or without a write.
  ///
  /// Rows from before say neither, whatever their records say: the records are the evidence.
  static let policyCircumstances = Migration(
    number: 18, name: "policy circumstances",
    sql: """
      ALTER TABLE sallyport.statement ADD COLUMN policy_stale boolean;
      ALTER TABLE sallyport.pending_statement ADD COLUMN policy_stale boolean;
      ALTER TABLE sallyport.session
        ADD COLUMN policy_stale boolean NOT NULL DEFAULT false,
        ADD COLUMN read_only boolean NOT NULL DEFAULT false;
      COMMENT ON COLUMN sallyport.statement.policy_stale IS
        'True where the control plane no longer vouched for the policy; else null.';
      COMMENT ON COLUMN sallyport.session.policy_stale IS
        'Whether the control plane no longer vouched for the policy as the session opened.';
      COMMENT ON COLUMN sallyport.session.read_only IS
        'Whether no grant of the session had an effect beyond reading.';
      CREATE INDEX statement_stale ON sallyport.statement (at) WHERE policy_stale;
      CREATE OR REPLACE VIEW sallyport.sessions AS
        SELECT id, opened_at, closed_at, close_reason, principal, principal_kind, display_name,
          groups, actors, issuer, token_id, connection, database, database_role, segment, agent,
          client_address, client_tls, server_address, server_tls, application_name, access_grant,
          bundle_version, statements, policy, policy_stale, read_only
        FROM sallyport.session;
      CREATE OR REPLACE VIEW sallyport.statements AS
        SELECT s.at, s.ended_at, s.kind, coalesce(s.principal, n.principal) AS principal,
          coalesce(s.principal_kind, n.principal_kind) AS principal_kind,
          coalesce(s.groups, n.groups) AS groups, n.actors,
          coalesce(s.connection, n.connection) AS connection, n.database,
          coalesce(s.database_role, n.database_role) AS database_role,
          coalesce(s.client_address, n.client_address) AS client_address,
          coalesce(s.application_name, n.application_name) AS application_name,
          t.text AS sql, s.parameters, s.outcome, s.reason, s.sqlstate, s.message, s.command_tag,
          s.rows, s.result_bytes, s.server_nanoseconds / 1e6 AS server_milliseconds,
          s.total_nanoseconds / 1e6 AS total_milliseconds, s.rule, s.bundle_version, s.session,
          s.statement, encode(s.digest, 'hex') AS digest, s.agent, s.epoch, s.lane, s.seq,
          s.end_seq, s.received_at, s.policy, s.observed,
          encode(s.bundle_hash, 'hex') AS bundle_hash, s.policy_stale
        FROM (
          SELECT * FROM sallyport.statement
          UNION ALL
          SELECT * FROM sallyport.pending_statement
        ) s
        LEFT JOIN sallyport.session n ON n.id = s.session AND n.agent = s.agent
        LEFT JOIN sallyport.statement_text t ON t.digest = s.digest;
      """)
}
