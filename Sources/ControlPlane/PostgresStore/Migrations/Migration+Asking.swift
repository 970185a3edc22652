extension Migration {
  /// What questions need that records alone do not answer fast: chains of actors by subject, and
  /// facts about SQL texts, which are read out of them after they were stored.
  static let asking = Migration(
    number: 9, name: "asking",
    sql: """
      CREATE FUNCTION sallyport.chain_subjects(chain jsonb, principal text) RETURNS text[]
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
          SELECT array_agg(DISTINCT left(t.subject, 250)) FROM (
            SELECT principal AS subject
            UNION ALL
            SELECT a ->> 'subject' FROM jsonb_array_elements(chain) a
          ) t WHERE t.subject IS NOT NULL
        $$;
      ALTER TABLE sallyport.session
        ADD COLUMN chain_subjects text[]
          GENERATED ALWAYS AS (sallyport.chain_subjects(actors, principal)) STORED,
        ADD COLUMN root_subject text
          GENERATED ALWAYS AS (left(coalesce(actors -> -1 ->> 'subject', principal), 250)) STORED;
      COMMENT ON COLUMN sallyport.session.chain_subjects IS
        'All subjects of the chain of actors and the principal, the first 250 characters of each.';
      CREATE INDEX session_by_chain ON sallyport.session USING gin (chain_subjects);
      CREATE INDEX session_by_root ON sallyport.session (root_subject, opened_at);

      ALTER TABLE sallyport.statement_text ADD COLUMN analysis smallint NOT NULL DEFAULT 0;
      COMMENT ON COLUMN sallyport.statement_text.analysis IS
        '0: waits for its analysis; 1: was tried, and words find it by their index; 2: too long.';
      CREATE INDEX statement_text_unindexed ON sallyport.statement_text (digest)
        WHERE analysis <> 1;

      CREATE TABLE sallyport.statement_form (
        fingerprint bigint PRIMARY KEY,
        text text NOT NULL
      );
      COMMENT ON TABLE sallyport.statement_form IS
        'Statements without their constants, one for each fingerprint of libpg_query.';

      CREATE TABLE sallyport.statement_facts (
        digest bytea PRIMARY KEY,
        attempts bigint NOT NULL,
        claimed_at timestamptz NOT NULL,
        analysed_at timestamptz,
        failure text,
        fingerprint bigint,
        commands text[],
        tables text[],
        effects text[],
        keys text[]
      );
      COMMENT ON TABLE sallyport.statement_facts IS
        'What texts say of themselves. Made from statement_text and can be made again.';
      COMMENT ON COLUMN sallyport.statement_facts.keys IS
        't:table (as written, and without its schema), c:command (and its first word), e:effect.';
      CREATE INDEX statement_facts_by_key ON sallyport.statement_facts USING gin (keys);
      CREATE INDEX statement_facts_by_fingerprint ON sallyport.statement_facts (fingerprint);
      CREATE INDEX statement_facts_open ON sallyport.statement_facts (claimed_at)
        WHERE analysed_at IS NULL AND failure IS NULL;
      CREATE INDEX statement_facts_failed ON sallyport.statement_facts (digest)
        WHERE failure IS NOT NULL;

      CREATE INDEX statement_by_rule ON sallyport.statement (rule, at);
      -- Small: few rows have what they are about.
      CREATE INDEX record_events ON sallyport.record (agent, kind, at)
        WHERE kind IN ('cancel', 'loss');
      CREATE INDEX statement_by_sqlstate ON sallyport.statement (sqlstate, at)
        WHERE sqlstate IS NOT NULL;
      CREATE INDEX statement_by_rows ON sallyport.statement (rows) WHERE rows > 1000;

      -- The index of words. Without the right to create the extension words are still found, slowly.
      DO $$
        DECLARE place text;
        BEGIN
          CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA sallyport;
          SELECT quote_ident(n.nspname) INTO place
            FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
            WHERE e.extname = 'pg_trgm';
          EXECUTE format(
            'CREATE INDEX statement_text_words ON sallyport.statement_text
               USING gin (lower(text) %s.gin_trgm_ops) WHERE analysis = 1', place);
        EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
          RAISE WARNING 'words in SQL have no index: %', SQLERRM;
        END
      $$;
      """)
}
