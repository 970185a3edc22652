internal import ControlCore

extension PostgresStore {
  /// The key of the advisory lock that one replica migrates under: "sally" in ASCII.
  private static let migrationLock: Int64 = 0x73_61_6C_6C_79

  /// Brings the schema up to the last of `migrations`, each in a transaction of its own.
  ///
  /// - Throws: `invalid` when a newer program has used the database, when a step's text differs
  ///   from what was applied, or when the encoding is not UTF-8.
  func migrate(_ migrations: [Migration]) async throws(ControlError) {
    try await transact("preparing the database") { session in
      try Self.lock(session)
      try Self.checkEncoding(session)
      // Looked for first: a user who may not create schemas can use one that was made for it.
      let exists = try session.row(
        "SELECT true FROM pg_namespace WHERE nspname = 'sallyport'", [],
        { row throws(PostgresError) in try row.bool() })
      if exists == nil { try session.script("CREATE SCHEMA sallyport") }
      let hasSteps = try session.row("SELECT to_regclass('sallyport.migration') IS NOT NULL") {
        row throws(PostgresError) in try row.bool()
      }
      guard hasSteps != true else { return }
      try session.script(
        """
        CREATE TABLE sallyport.migration (
          number bigint PRIMARY KEY,
          name text NOT NULL,
          checksum text NOT NULL,
          applied_at timestamptz NOT NULL DEFAULT now()
        )
        """)
    }
    try await transact("checking the database's schema") { session in
      try Self.check(migrations, session)
    }
    for migration in migrations {
      let applied = try await transact("migrating the database (\(migration.name))") { session in
        try Self.lock(session)
        return try Self.apply(migration, session)
      }
      guard let warnings = applied else { continue }
      logger.notice(
        "schema migrated",
        metadata: ["number": "\(migration.number)", "name": "\(migration.name)"])
      // What a step could not take over, which nobody else will say.
      for warning in warnings {
        logger.warning(
          "a step of the schema has left something to look at",
          metadata: ["name": "\(migration.name)", "warning": "\(warning)"])
      }
    }
  }

  static func lock(_ session: PostgresSession) throws {
    // Another replica's migration may take longer than a statement usually may.
    try session.script("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
    try session.execute("SELECT pg_advisory_xact_lock($1)", [.integer(migrationLock)])
  }

  private static func checkEncoding(_ session: PostgresSession) throws {
    let encoding = try session.row("SELECT current_setting('server_encoding')") {
      row throws(PostgresError) in try row.text()
    }
    guard encoding == "UTF8" else {
      throw ControlError(
        .invalid,
        "The database's encoding is \"\(encoding ?? "")\", and the audit trail needs UTF8.",
        remedy: "Create one with `CREATE DATABASE sallyport ENCODING 'UTF8' TEMPLATE template0`.")
    }
  }

  private static func check(_ migrations: [Migration], _ session: PostgresSession) throws {
    let known = migrations.last?.number ?? 0
    let newest = try session.row(
      "SELECT number, name FROM sallyport.migration ORDER BY number DESC LIMIT 1"
    ) { row throws(PostgresError) in (number: Int(try row.integer()), name: try row.text()) }
    if let newest, newest.number > known {
      throw ControlError(
        .invalid,
        "The database is from the future: its schema has step \(newest.number) "
          + "(\(newest.name)), and this program knows \(known).",
        remedy: "Start the newer version of sallyport-control that has used this database.")
    }
    for migration in migrations {
      let matches = try session.row(
        """
        SELECT checksum = encode(sha256(convert_to($2, 'UTF8')), 'hex')
        FROM sallyport.migration WHERE number = $1
        """, [.integer(Int64(migration.number)), .text(migration.sql)],
        { row throws(PostgresError) in try row.bool() })
      if matches == false {
        throw ControlError(
          .invalid,
          "Step \(migration.number) (\(migration.name)) of the database's schema is not the one "
            + "that this program has.",
          remedy: "Start the version of sallyport-control that has made this database.")
      }
    }
  }

  /// Applies a step unless it is there.
  ///
  /// - Returns: What the server warned of; `nil` when the step was there.
  private static func apply(
    _ migration: Migration, _ session: PostgresSession
  ) throws -> [String]? {
    // Under the lock: nobody else applies it now. Looked for first, since a user who may only
    // write can use a schema that another has migrated.
    let applied = try session.row(
      "SELECT true FROM sallyport.migration WHERE number = $1",
      [.integer(Int64(migration.number))], { row throws(PostgresError) in try row.bool() })
    guard applied == nil else { return nil }
    _ = session.takeWarnings()
    try session.execute(
      """
      INSERT INTO sallyport.migration (number, name, checksum)
      VALUES ($1, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'))
      """, [.integer(Int64(migration.number)), .text(migration.name), .text(migration.sql)])
    try session.script(migration.sql)
    return session.takeWarnings()
  }
}
