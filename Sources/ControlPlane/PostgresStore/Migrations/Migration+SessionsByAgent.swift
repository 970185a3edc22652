extension Migration {
  /// A session is named by its id and its agent.
  ///
  /// Agents draw the ids: under the id alone, the first agent to record one owned it, and a hostile
  /// agent could take the ids of others before they were recorded.
  static let sessionsByAgent = Migration(
    number: 3, name: "sessions by agent",
    sql: """
      ALTER TABLE sallyport.session DROP CONSTRAINT session_pkey;
      ALTER TABLE sallyport.session ADD PRIMARY KEY (id, agent);
      DROP INDEX sallyport.session_by_time;
      CREATE INDEX session_by_time ON sallyport.session (opened_at, id, agent);
      DROP INDEX sallyport.session_by_principal;
      CREATE INDEX session_by_principal ON sallyport.session (principal, opened_at, id, agent);

      DROP INDEX sallyport.statement_by_session;
      CREATE INDEX statement_by_session ON sallyport.statement (session, agent, statement);
      DROP INDEX sallyport.pending_statement_by_session;
      CREATE INDEX pending_statement_by_session ON sallyport.pending_statement
        (session, agent, statement);

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
          s.end_seq, s.received_at
        FROM (
          SELECT * FROM sallyport.statement
          UNION ALL
          SELECT * FROM sallyport.pending_statement
        ) s
        LEFT JOIN sallyport.session n ON n.id = s.session AND n.agent = s.agent
        LEFT JOIN sallyport.statement_text t ON t.digest = s.digest;
      """)
}
