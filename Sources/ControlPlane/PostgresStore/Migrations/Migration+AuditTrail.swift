extension Migration {
  /// The records as agents sent them, and what is read out of them to be asked about.
  ///
  /// `record` is the evidence and append-only. `statement`, `session` and `statement_text` are
  /// made from it when it arrives and could be made again. Their texts are cut to what an index
  /// can hold; the record has them whole.
  static let auditTrail = Migration(
    number: 2, name: "audit trail",
    sql: """
      CREATE TABLE sallyport.log_cursor (
        agent uuid NOT NULL REFERENCES sallyport.agent,
        epoch bigint NOT NULL,
        lane bigint NOT NULL,
        next_seq bigint NOT NULL,
        checkpoint bytea NOT NULL,
        received_at timestamptz NOT NULL,
        PRIMARY KEY (agent, epoch, lane)
      );

      CREATE TABLE sallyport.record (
        agent uuid NOT NULL,
        epoch bigint NOT NULL,
        lane bigint NOT NULL,
        seq bigint NOT NULL,
        received_at timestamptz NOT NULL,
        at timestamptz NOT NULL,
        kind text NOT NULL,
        session uuid,
        statement bigint,
        bytes bytea NOT NULL,
        PRIMARY KEY (agent, epoch, lane, seq)
      );
      COMMENT ON TABLE sallyport.record IS
        'Audit records, byte for byte as the agents wrote them. Append-only.';
      COMMENT ON COLUMN sallyport.record.received_at IS
        'Never falls within a log, in the order of seq.';

      CREATE FUNCTION sallyport.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION '% of sallyport.% is refused: audit records are append-only',
            TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
        END
      $$;
      CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sallyport.record
        FOR EACH STATEMENT EXECUTE FUNCTION sallyport.refuse_change();
      ALTER TABLE sallyport.record ENABLE ALWAYS TRIGGER append_only;

      CREATE TABLE sallyport.session (
        id uuid PRIMARY KEY,
        agent uuid NOT NULL,
        epoch bigint NOT NULL,
        lane bigint NOT NULL,
        seq bigint NOT NULL,
        opened_at timestamptz NOT NULL,
        closed_at timestamptz,
        close_reason text,
        close_message text,
        statements bigint,
        principal text NOT NULL,
        principal_kind text NOT NULL,
        issuer text NOT NULL,
        display_name text,
        groups text[] NOT NULL,
        actors jsonb NOT NULL,
        token_id text NOT NULL,
        connection text NOT NULL,
        database text NOT NULL,
        database_role text NOT NULL,
        segment text NOT NULL,
        client_address text NOT NULL,
        client_tls text NOT NULL,
        server_address text NOT NULL,
        server_tls text NOT NULL,
        application_name text NOT NULL,
        access_grant text NOT NULL,
        bundle_version bigint NOT NULL
      );
      CREATE INDEX session_by_time ON sallyport.session (opened_at, id);
      CREATE INDEX session_by_principal ON sallyport.session (principal, opened_at, id);
      CREATE INDEX session_open ON sallyport.session (agent, epoch, lane) WHERE closed_at IS NULL;

      CREATE TABLE sallyport.statement_text (
        digest bytea PRIMARY KEY,
        text text NOT NULL,
        first_seen_at timestamptz NOT NULL
      );
      CREATE TABLE sallyport.statement_text_chunk (
        agent uuid NOT NULL,
        epoch bigint NOT NULL,
        lane bigint NOT NULL,
        digest bytea NOT NULL,
        chunk bigint NOT NULL,
        bytes bytea NOT NULL,
        PRIMARY KEY (agent, epoch, lane, digest, chunk)
      );
      COMMENT ON TABLE sallyport.statement_text_chunk IS
        'The chunks of long texts whose last chunk has not come yet.';

      -- Draws the position of a batch. It begins used, so that 1 is below every position.
      CREATE SEQUENCE sallyport.trail_position;
      SELECT setval('sallyport.trail_position', 1, true);

      CREATE TABLE sallyport.statement (
        agent uuid NOT NULL,
        epoch bigint NOT NULL,
        lane bigint NOT NULL,
        seq bigint NOT NULL,
        end_seq bigint,
        position bigint NOT NULL,
        ordinal bigint NOT NULL,
        received_at timestamptz NOT NULL,
        kind text NOT NULL,
        at timestamptz NOT NULL,
        ended_at timestamptz,
        session uuid,
        statement bigint,
        principal text,
        principal_kind text,
        groups text[],
        connection text,
        database_role text,
        client_address text,
        application_name text,
        digest bytea,
        parameters jsonb,
        protocol text,
        transaction_status text,
        rule text,
        bundle_version bigint,
        outcome text NOT NULL,
        reason text,
        sqlstate text,
        message text,
        command_tag text,
        rows bigint,
        result_bytes bigint,
        server_nanoseconds bigint,
        total_nanoseconds bigint,
        PRIMARY KEY (agent, epoch, lane, seq)
      );
      COMMENT ON TABLE sallyport.statement IS
        'A row for each statement once its outcome is settled, and for each refusal.';
      CREATE UNIQUE INDEX statement_by_position ON sallyport.statement (position, ordinal);
      CREATE INDEX statement_by_time ON sallyport.statement (at, agent, epoch, lane, seq);
      CREATE INDEX statement_by_principal ON sallyport.statement (principal, at);
      CREATE INDEX statement_by_connection ON sallyport.statement (connection, at);
      CREATE INDEX statement_by_session ON sallyport.statement (session, statement);
      CREATE INDEX statement_by_outcome ON sallyport.statement (outcome, at)
        WHERE outcome <> 'completed';
      CREATE INDEX statement_by_digest ON sallyport.statement (digest, at);

      CREATE TABLE sallyport.pending_statement (
        LIKE sallyport.statement INCLUDING COMMENTS,
        PRIMARY KEY (agent, epoch, lane, seq)
      );
      COMMENT ON TABLE sallyport.pending_statement IS
        'Statements that have begun and whose outcome is not settled yet.';
      CREATE INDEX pending_statement_by_session ON sallyport.pending_statement
        (session, statement);

      CREATE VIEW sallyport.sessions AS
        SELECT id, opened_at, closed_at, close_reason, principal, principal_kind, display_name,
          groups, actors, issuer, token_id, connection, database, database_role, segment, agent,
          client_address, client_tls, server_address, server_tls, application_name, access_grant,
          bundle_version, statements
        FROM sallyport.session;

      CREATE VIEW sallyport.statements AS
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
        LEFT JOIN sallyport.session n ON n.id = s.session
        LEFT JOIN sallyport.statement_text t ON t.digest = s.digest;
      """)
}
