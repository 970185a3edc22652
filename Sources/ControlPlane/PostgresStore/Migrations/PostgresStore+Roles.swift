package import ControlCore

/// What the roles of the database may do.
///
/// - `sallyport_owner` owns everything and cannot log in; who migrates is a member of it.
/// - `sallyport_writer` is for the user that `serve` logs in as: it adds records and cannot change
///   or remove one.
/// - `sallyport_reader` is for auditors with SQL tools: it reads the views.
///
/// Roles are those of the whole cluster, so making them needs the right to.
extension PostgresStore {
  /// Makes the roles and gives each its rights, if the user of the database URL may.
  ///
  /// - Returns: `nil` when all is in place; else the SQL that somebody who may has to run.
  package func secureRoles() async throws(ControlError) -> String? {
    let isDone = try await transact("looking at the database's roles") { session in
      try session.row(Self.rolesAreInPlace) { row throws(PostgresError) in try row.bool() }
    }
    guard isDone != true else { return nil }
    do {
      try await pool.transaction { session in
        try Self.lock(session)
        try session.script(Self.roles)
      }
    } catch {
      guard let error = error as? PostgresError, error.sqlstate == "42501" else {
        throw Self.controlError(error, act: "giving the database's roles their rights")
      }
      return Self.roles
    }
    logger.notice("roles of the database have their rights")
    return nil
  }

  /// Whether the roles are there, the schema is the owner's, and the writer has not kept a right that
  /// an earlier version has left it.
  private static let rolesAreInPlace = """
    SELECT (SELECT count(*) FROM pg_roles
        WHERE rolname IN ('sallyport_owner', 'sallyport_writer', 'sallyport_reader')) = 3
      AND NOT EXISTS (
        SELECT FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
        WHERE c.relnamespace = 'sallyport'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
          AND o.rolname <> 'sallyport_owner'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
            AND d.objid = c.oid AND d.deptype = 'e'))
      AND NOT EXISTS (
        SELECT FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
        JOIN pg_roles w ON w.oid = a.grantee
        WHERE c.relnamespace = 'sallyport'::regnamespace
          AND c.relname IN ('policy_version', 'policy_document')
          AND w.rolname = 'sallyport_writer' AND a.privilege_type IN ('UPDATE', 'DELETE'))
    """

  private static let roles = """
    DO $$
      DECLARE
        name text;
        thing record;
      BEGIN
        FOREACH name IN ARRAY ARRAY['sallyport_owner', 'sallyport_writer', 'sallyport_reader']
        LOOP
          CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = name);
          BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
          EXCEPTION WHEN duplicate_object OR unique_violation THEN
            -- Made at the same moment for another database of the cluster.
          END;
        END LOOP;
        IF NOT pg_has_role(current_user, 'sallyport_owner', 'MEMBER') THEN
          EXECUTE format('GRANT sallyport_owner TO %I', current_user);
        END IF;

        ALTER SCHEMA sallyport OWNER TO sallyport_owner;
        -- A sequence of a column goes with its table, and what an extension made stays its own.
        FOR thing IN
          SELECT c.relname, c.relkind FROM pg_class c
          WHERE c.relnamespace = 'sallyport'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
            AND c.relowner <> 'sallyport_owner'::regrole
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
              AND d.objid = c.oid
              AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('i', 'a')))
        LOOP
          EXECUTE format('ALTER %s sallyport.%I OWNER TO sallyport_owner',
            CASE thing.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
            thing.relname);
        END LOOP;
        FOR thing IN
          SELECT p.oid::regprocedure AS name FROM pg_proc p
          WHERE p.pronamespace = 'sallyport'::regnamespace
            AND p.proowner <> 'sallyport_owner'::regrole
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
              AND d.objid = p.oid AND d.deptype = 'e')
        LOOP
          EXECUTE format('ALTER FUNCTION %s OWNER TO sallyport_owner', thing.name);
        END LOOP;

        REVOKE ALL ON SCHEMA sallyport FROM PUBLIC;
        GRANT USAGE ON SCHEMA sallyport TO sallyport_writer, sallyport_reader;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sallyport
          TO sallyport_writer;
        GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA sallyport TO sallyport_writer;
        GRANT EXECUTE ON FUNCTION sallyport.make_partitions(integer), sallyport.drop_day(date)
          TO sallyport_writer;
        REVOKE UPDATE, DELETE ON sallyport.record, sallyport.equivocation, sallyport.migration,
          sallyport.root_document, sallyport.policy_version, sallyport.policy_document
          FROM sallyport_writer;
        REVOKE INSERT ON sallyport.migration FROM sallyport_writer;
        REVOKE INSERT, UPDATE, DELETE ON sallyport.kept_record FROM sallyport_writer;
        REVOKE DELETE ON sallyport.legal_hold, sallyport.pruned_log FROM sallyport_writer;
        REVOKE DELETE ON sallyport.merkle_tile, sallyport.log_cursor FROM sallyport_writer;
        -- Partitions are written through their parents alone.
        FOR thing IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE c.relnamespace = 'sallyport'::regnamespace AND c.relkind = 'r'
        LOOP
          EXECUTE format('REVOKE ALL ON sallyport.%I FROM sallyport_writer', thing.relname);
        END LOOP;
        GRANT SELECT ON sallyport.sessions, sallyport.statements, sallyport.logs
          TO sallyport_reader;
      END
    $$
    """
}
