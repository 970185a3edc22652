extension Migration {
  /// Policies in versions. What grants there are become the documents of version 1, one each.
  ///
  /// A grant whose principal or group has a star in it becomes none: in a document the star would
  /// stand for any characters, and let in others.
  static let policies = Migration(
    number: 16, name: "policies",
    sql: """
      CREATE TABLE sallyport.policy_version (
        version bigint PRIMARY KEY CHECK (version > 0),
        created_at timestamptz NOT NULL,
        created_by text NOT NULL,
        comment text,
        rolled_back_to bigint REFERENCES sallyport.policy_version,
        digest bytea NOT NULL
      );
      COMMENT ON COLUMN sallyport.policy_version.digest IS
        'SHA-256 of the texts of its documents in their order, with a line of --- between them.';

      CREATE TABLE sallyport.policy_document (
        version bigint NOT NULL REFERENCES sallyport.policy_version,
        place bigint NOT NULL,
        name text NOT NULL,
        text text NOT NULL,
        document jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (version, place),
        UNIQUE (version, name)
      );
      COMMENT ON COLUMN sallyport.policy_document.text IS 'YAML, as it was applied.';
      COMMENT ON COLUMN sallyport.policy_document.created_at IS
        'Since when there is a document of this name.';

      -- One row, whose lock keeps the versions in a row.
      CREATE TABLE sallyport.policy_head (
        is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
        version bigint NOT NULL
      );
      COMMENT ON COLUMN sallyport.policy_head.version IS 'That in force; 0 for none.';
      INSERT INTO sallyport.policy_head (version) VALUES (0);

      CREATE TABLE sallyport.converted AS
        SELECT row_number() OVER (ORDER BY g.number) - 1 AS place, g.created_at,
          -- Names of documents have 63 letters at most.
          CASE WHEN length(g.name) <= 57 THEN 'grant-' || g.name
            ELSE 'grant-' || left(g.name, 48) || '-' || left(md5(g.name), 8) END AS name,
          jsonb_build_object(
            'on', jsonb_build_object('connections', jsonb_build_array(c.name)),
            'grants', jsonb_build_array(jsonb_build_object(
              'name', g.name,
              'to', CASE WHEN g.principal IS NOT NULL
                THEN jsonb_build_object('subjects', jsonb_build_array(g.principal))
                ELSE jsonb_build_object('groups', jsonb_build_array(g.group_name)) END,
              'role', g.role,
              'effects', jsonb_build_array('all')))) AS document
        FROM sallyport.access_grant g JOIN sallyport.connection c ON c.id = g.connection
        WHERE strpos(coalesce(g.principal, g.group_name), '*') = 0;
      UPDATE sallyport.converted SET document = document || jsonb_build_object('policy', name);

      INSERT INTO sallyport.policy_version (version, created_at, created_by, comment, digest)
        SELECT 1, now(), 'sallyport-control', 'The grants that there were before policies',
          sha256(convert_to(string_agg(document::text || E'\\n', E'---\\n' ORDER BY place), 'UTF8'))
        FROM sallyport.converted HAVING count(*) > 0;
      INSERT INTO sallyport.policy_document (version, place, name, text, document, created_at)
        SELECT 1, place, name, document::text || E'\\n', document, created_at
        FROM sallyport.converted;
      UPDATE sallyport.policy_head
        SET version = (SELECT count(*) FROM sallyport.policy_version);
      DO $$
        DECLARE name text;
        BEGIN
          FOR name IN SELECT g.name FROM sallyport.access_grant g
            WHERE strpos(coalesce(g.principal, g.group_name), '*') > 0
          LOOP
            RAISE WARNING 'the grant % has a star in its principal or group and is left out', name;
          END LOOP;
        END
      $$;
      DROP TABLE sallyport.access_grant, sallyport.converted;
      -- The first bundles with documents.
      UPDATE sallyport.segment SET changes = changes + 1;
      """)
}
