extension Migration {
  /// How long records are kept, holds, and what has been removed.
  ///
  /// The control plane's own records stay for ever: those of a day that goes are copied beside it.
  static let retention = Migration(
    number: 11, name: "retention",
    sql: """
      CREATE TABLE sallyport.retention (
        -- Empty for the fleet's default.
        connection text PRIMARY KEY,
        days bigint CHECK (days > 0)
      );
      COMMENT ON TABLE sallyport.retention IS
        'How many days records are kept; NULL for ever. Outlives the connections it names.';

      CREATE TABLE sallyport.legal_hold (
        name text PRIMARY KEY,
        connection text,
        since timestamptz,
        until timestamptz,
        reason text NOT NULL,
        added_at timestamptz NOT NULL,
        added_by text NOT NULL,
        released_at timestamptz,
        released_by text,
        release_reason text
      );

      CREATE TABLE sallyport.pruned_log (
        agent uuid NOT NULL,
        epoch bigint NOT NULL,
        lane bigint NOT NULL,
        next_seq bigint NOT NULL,
        PRIMARY KEY (agent, epoch, lane)
      );
      COMMENT ON TABLE sallyport.pruned_log IS
        'Of each log with removed records, the first that was not removed.';

      CREATE TABLE sallyport.kept_record (
        LIKE sallyport.record INCLUDING DEFAULTS INCLUDING COMMENTS,
        PRIMARY KEY (agent, epoch, lane, seq, received_at)
      );
      COMMENT ON TABLE sallyport.kept_record IS
        'Records of the control plane''s own log, of days whose partition was removed. Append-only.';
      CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sallyport.kept_record
        FOR EACH STATEMENT EXECUTE FUNCTION sallyport.refuse_change();
      ALTER TABLE sallyport.kept_record ENABLE ALWAYS TRIGGER append_only;

      CREATE VIEW sallyport.every_record AS
        SELECT agent, epoch, lane, seq, received_at, at, kind, session, statement, bytes
        FROM sallyport.record
        UNION ALL
        SELECT agent, epoch, lane, seq, received_at, at, kind, session, statement, bytes
        FROM sallyport.kept_record;

      CREATE FUNCTION sallyport.stored_days() RETURNS TABLE (day date) LANGUAGE sql STABLE
        SET search_path = pg_catalog, pg_temp AS $$
          SELECT to_date(substr(c.relname, 8), 'YYYYMMDD') AS day
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE i.inhparent = 'sallyport.record'::regclass AND c.relname ~ '^record_[0-9]{8}$'
          ORDER BY 1
        $$;

      CREATE FUNCTION sallyport.drop_day(gone date) RETURNS void LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
          family text;
          part text;
        BEGIN
          IF gone >= (clock_timestamp() AT TIME ZONE 'UTC')::date
            OR gone <> (SELECT min(day) FROM sallyport.stored_days()) THEN
            RAISE EXCEPTION 'removing the day % is refused: only the oldest goes', gone
              USING ERRCODE = 'insufficient_privilege';
          END IF;
          IF NOT EXISTS (SELECT FROM sallyport.control_entry
            WHERE action = 'retention.prune' AND subject = to_char(gone, 'YYYY-MM-DD')
              AND xmin = pg_current_xact_id()::xid) THEN
            RAISE EXCEPTION 'removing the day % is refused: the control plane''s log does not'
              ' say so', gone USING ERRCODE = 'insufficient_privilege';
          END IF;
          LOCK TABLE sallyport.record, sallyport.statement IN ACCESS EXCLUSIVE MODE;
          EXECUTE format(
            'INSERT INTO sallyport.kept_record SELECT r.* FROM sallyport.%I r'
            ' WHERE agent IN (SELECT id FROM sallyport.control_plane)',
            'record_' || to_char(gone, 'YYYYMMDD'));
          FOREACH family IN ARRAY ARRAY['record', 'statement'] LOOP
            part := family || '_' || to_char(gone, 'YYYYMMDD');
            CONTINUE WHEN to_regclass('sallyport.' || part) IS NULL;
            EXECUTE format('ALTER TABLE sallyport.%I DETACH PARTITION sallyport.%I', family, part);
            EXECUTE format('DROP TABLE sallyport.%I', part);
          END LOOP;
        END
      $$;
      COMMENT ON FUNCTION sallyport.drop_day(date) IS
        'Removes the oldest day, in the transaction whose retention.prune entry says so.';
      REVOKE ALL ON FUNCTION sallyport.drop_day(date) FROM PUBLIC;
      """)
}
