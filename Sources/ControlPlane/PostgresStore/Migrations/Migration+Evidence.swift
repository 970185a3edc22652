extension Migration {
  /// Records and statements in one partition for each UTC day, the logs' Merkle trees, and what is
  /// kept of agents that contradict themselves.
  ///
  /// Moves every record and statement, so it takes the time of a copy of the trail.
  static let evidence = Migration(
    number: 8, name: "evidence",
    sql: partitions + movedRows + trees + quarantine + views)

  private static let partitions = """
    CREATE FUNCTION sallyport.make_partition(day date) RETURNS void LANGUAGE plpgsql
      SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE
        family text;
        part text;
      BEGIN
        FOREACH family IN ARRAY ARRAY['record', 'statement'] LOOP
          part := family || '_' || to_char(day, 'YYYYMMDD');
          CONTINUE WHEN to_regclass('sallyport.' || part) IS NOT NULL;
          -- Attached rather than made in place: who stores records does not wait for it.
          EXECUTE format(
            'CREATE TABLE sallyport.%I (LIKE sallyport.%I INCLUDING DEFAULTS'
            ' INCLUDING CONSTRAINTS INCLUDING STORAGE)', part, family);
          IF family = 'record' THEN
            EXECUTE format(
              'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sallyport.%I'
              ' FOR EACH STATEMENT EXECUTE FUNCTION sallyport.refuse_change()', part);
            EXECUTE format(
              'ALTER TABLE sallyport.%I ENABLE ALWAYS TRIGGER append_only', part);
          END IF;
          EXECUTE format(
            'ALTER TABLE sallyport.%I ATTACH PARTITION sallyport.%I FOR VALUES FROM (%L) TO (%L)',
            family, part, to_char(day, 'YYYY-MM-DD 00:00:00+00'),
            to_char(day + 1, 'YYYY-MM-DD 00:00:00+00'));
        END LOOP;
      END
    $$;
    COMMENT ON FUNCTION sallyport.make_partition(date) IS
      'Makes the partitions of one UTC day, unless tables of their names are there.';

    -- Replicas do it one after the other; the key is "spart" in ASCII.
    CREATE FUNCTION sallyport.make_partitions(days integer) RETURNS void LANGUAGE plpgsql
      SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE
        today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
      BEGIN
        PERFORM pg_advisory_xact_lock(495806673524);
        FOR ahead IN 0..days LOOP
          PERFORM sallyport.make_partition(today + ahead);
        END LOOP;
      END
    $$;
    COMMENT ON FUNCTION sallyport.make_partitions(integer) IS
      'Makes the partitions from today on, that many days ahead (UTC).';
    REVOKE ALL ON FUNCTION sallyport.make_partition(date) FROM PUBLIC;
    REVOKE ALL ON FUNCTION sallyport.make_partitions(integer) FROM PUBLIC;

    """

  private static let movedRows = """
    -- The cursor has what is asked of a log's first and last record, so that no batch looks for
    -- them in every partition.
    ALTER TABLE sallyport.log_cursor
      ADD COLUMN began_at timestamptz,
      ADD COLUMN last_at timestamptz;
    COMMENT ON COLUMN sallyport.log_cursor.began_at IS 'By the agent''s clock: its first record.';
    COMMENT ON COLUMN sallyport.log_cursor.last_at IS 'By the agent''s clock: its latest record.';
    UPDATE sallyport.log_cursor c SET began_at = r.began_at, last_at = r.last_at
      FROM (
        SELECT agent, epoch, lane, min(at) FILTER (WHERE seq = 0) AS began_at, max(at) AS last_at
        FROM sallyport.record GROUP BY agent, epoch, lane
      ) r WHERE (r.agent, r.epoch, r.lane) = (c.agent, c.epoch, c.lane);

    DROP VIEW sallyport.statements;
    ALTER TABLE sallyport.record RENAME TO plain_record;
    ALTER TABLE sallyport.statement RENAME TO plain_statement;
    CREATE TABLE sallyport.record (
      LIKE sallyport.plain_record INCLUDING DEFAULTS INCLUDING COMMENTS
    ) PARTITION BY RANGE (received_at);
    CREATE TABLE sallyport.statement (
      LIKE sallyport.plain_statement INCLUDING DEFAULTS INCLUDING COMMENTS
    ) PARTITION BY RANGE (received_at);
    COMMENT ON TABLE sallyport.record IS
      'Audit records, byte for byte as they were written. Append-only; a partition a UTC day.';
    COMMENT ON TABLE sallyport.statement IS
      'A row for each statement once its outcome is settled, and for each refusal.';

    SELECT sallyport.make_partition(day) FROM (
      SELECT (received_at AT TIME ZONE 'UTC')::date AS day FROM sallyport.plain_record
      UNION
      SELECT (received_at AT TIME ZONE 'UTC')::date FROM sallyport.plain_statement
    ) d;
    INSERT INTO sallyport.record SELECT * FROM sallyport.plain_record;
    INSERT INTO sallyport.statement SELECT * FROM sallyport.plain_statement;
    DROP TABLE sallyport.plain_record, sallyport.plain_statement;

    ALTER TABLE sallyport.record
      ADD PRIMARY KEY (agent, epoch, lane, seq, received_at);
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sallyport.record
      FOR EACH STATEMENT EXECUTE FUNCTION sallyport.refuse_change();
    ALTER TABLE sallyport.record ENABLE ALWAYS TRIGGER append_only;

    ALTER TABLE sallyport.statement
      ADD PRIMARY KEY (agent, epoch, lane, seq, received_at);
    CREATE INDEX statement_by_position ON sallyport.statement (position, ordinal);
    CREATE INDEX statement_by_time ON sallyport.statement (at, agent, epoch, lane, seq);
    CREATE INDEX statement_by_principal ON sallyport.statement (principal, at);
    CREATE INDEX statement_by_connection ON sallyport.statement (connection, at);
    CREATE INDEX statement_by_session ON sallyport.statement (session, agent, statement);
    CREATE INDEX statement_by_outcome ON sallyport.statement (outcome, at)
      WHERE outcome <> 'completed';
    CREATE INDEX statement_by_digest ON sallyport.statement (digest, at);

    """

  private static let trees = """
    -- The control plane's own log has a cursor too, and is no agent.
    ALTER TABLE sallyport.log_cursor DROP CONSTRAINT log_cursor_agent_fkey;
    ALTER TABLE sallyport.log_cursor
      ADD COLUMN frontier bytea,
      ADD COLUMN root bytea,
      ADD COLUMN horizon_seq bigint NOT NULL DEFAULT 0,
      ADD COLUMN overlap_accepted boolean NOT NULL DEFAULT false;
    COMMENT ON COLUMN sallyport.log_cursor.frontier IS
      'The roots of the complete subtrees, largest first; NULL until it is made of the records.';
    COMMENT ON COLUMN sallyport.log_cursor.horizon_seq IS
      'The first record behind the last backup; 0 when no backup was named.';
    COMMENT ON COLUMN sallyport.log_cursor.overlap_accepted IS
      'A person has accepted that the log goes on beside a later epoch.';

    CREATE TABLE sallyport.merkle_tile (
      agent uuid NOT NULL,
      epoch bigint NOT NULL,
      lane bigint NOT NULL,
      level integer NOT NULL,
      index bigint NOT NULL,
      hashes bytea NOT NULL,
      PRIMARY KEY (agent, epoch, lane, level, index)
    );
    -- Hashes do not get smaller.
    ALTER TABLE sallyport.merkle_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
    COMMENT ON TABLE sallyport.merkle_tile IS
      'The hashes of each log''s Merkle tree, up to 256 a row: C2SP tlog-tiles of height 8.';
    CREATE FUNCTION sallyport.refuse_other_tile() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF (NEW.agent, NEW.epoch, NEW.lane, NEW.level, NEW.index)
            IS DISTINCT FROM (OLD.agent, OLD.epoch, OLD.lane, OLD.level, OLD.index)
          OR substr(NEW.hashes, 1, octet_length(OLD.hashes)) IS DISTINCT FROM OLD.hashes THEN
          RAISE EXCEPTION 'UPDATE of sallyport.merkle_tile is refused: a tile is extended only'
            USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
      END
    $$;
    CREATE TRIGGER extended_only BEFORE UPDATE ON sallyport.merkle_tile
      FOR EACH ROW EXECUTE FUNCTION sallyport.refuse_other_tile();
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON sallyport.merkle_tile
      FOR EACH STATEMENT EXECUTE FUNCTION sallyport.refuse_change();
    ALTER TABLE sallyport.merkle_tile ENABLE ALWAYS TRIGGER extended_only;
    ALTER TABLE sallyport.merkle_tile ENABLE ALWAYS TRIGGER append_only;

    CREATE TABLE sallyport.backup_horizon (
      single boolean PRIMARY KEY DEFAULT true CHECK (single),
      covers_until timestamptz NOT NULL,
      set_at timestamptz NOT NULL
    );

    """

  private static let quarantine = """
    ALTER TABLE sallyport.agent
      ADD COLUMN quarantined_at timestamptz,
      ADD COLUMN quarantine_reason text;
    CREATE TABLE sallyport.equivocation (
      number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      agent uuid NOT NULL,
      epoch bigint NOT NULL,
      lane bigint NOT NULL,
      size bigint NOT NULL,
      stored_root bytea,
      stored_checkpoint bytea NOT NULL,
      checkpoint bytea NOT NULL,
      at timestamptz NOT NULL,
      detail text NOT NULL
    );
    COMMENT ON TABLE sallyport.equivocation IS
      'What agents signed that does not fit what they had sent before. Append-only.';
    CREATE INDEX equivocation_by_agent ON sallyport.equivocation (agent, at);
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sallyport.equivocation
      FOR EACH STATEMENT EXECUTE FUNCTION sallyport.refuse_change();
    ALTER TABLE sallyport.equivocation ENABLE ALWAYS TRIGGER append_only;

    """

  private static let views = """
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
      LEFT JOIN sallyport.session n ON n.id = s.session AND n.agent = s.agent
      LEFT JOIN sallyport.statement_text t ON t.digest = s.digest;

    CREATE VIEW sallyport.logs AS
      SELECT agent, epoch, lane, next_seq AS size, encode(root, 'hex') AS root,
        received_at AS last_received_at
      FROM sallyport.log_cursor;
    COMMENT ON VIEW sallyport.logs IS
      'Each log with how many records it has and the root of their Merkle tree.';
    """
}
