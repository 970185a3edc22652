extension Migration {
  /// What policy decided of statements and sessions, and what only observed.
  static let policyDecisions = Migration(
    number: 17, name: "policy decisions",
    sql: """
      ALTER TABLE sallyport.statement
        ADD COLUMN policy text, ADD COLUMN bundle_hash bytea, ADD COLUMN observed jsonb;
      ALTER TABLE sallyport.pending_statement
        ADD COLUMN policy text, ADD COLUMN bundle_hash bytea, ADD COLUMN observed jsonb;
      ALTER TABLE sallyport.session ADD COLUMN policy text NOT NULL DEFAULT '';
      COMMENT ON COLUMN sallyport.statement.policy IS 'The document of rule.';
      COMMENT ON COLUMN sallyport.statement.bundle_hash IS
        'Of a refusal: SHA-256 of the bundle that was judged by.';
      COMMENT ON COLUMN sallyport.statement.observed IS
        'Rules and grants that only observe, with what they would have decided.';
      CREATE INDEX statement_by_policy ON sallyport.statement (policy, at)
        WHERE policy IS NOT NULL;
      -- Small: few statements are about a rule that only observes.
      CREATE INDEX statement_observed ON sallyport.statement (at) WHERE observed IS NOT NULL;
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
          encode(s.bundle_hash, 'hex') AS bundle_hash
        FROM (
          SELECT * FROM sallyport.statement
          UNION ALL
          SELECT * FROM sallyport.pending_statement
        ) s
        LEFT JOIN sallyport.session n ON n.id = s.session AND n.agent = s.agent
        LEFT JOIN sallyport.statement_text t ON t.digest = s.digest;
      """)
}
