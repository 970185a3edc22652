internal import GatewayModel

/// What a statement can reach besides the tables that its text names.
extension StatementFacts {
  /// Whether it can read or write rows of tables that it does not name: by TRUNCATE … CASCADE, or by a
  /// function that does more than compute.
  ///
  /// - Parameter readers: Functions that are trusted with what they read.
  func reachesUnnamedRows(_ readers: [TablePattern]) -> Bool {
    if isOpenEnded, effects.contains(.write) { return true }
    return functions.contains { function in
      function.reachesRows(in: effects) && !readers.contains { $0.surelyMeans(function.parts) }
    }
  }

  /// Whether it can reach tables that it does not name: their rows, or what they are. Commands like DROP
  /// SCHEMA or VACUUM without a table do.
  ///
  /// - Parameter certainty: Where it allows (``Certainty/sure``), commands that are about something else
  ///   than tables count as reaching them.
  func reachesUnnamedTables(_ readers: [TablePattern], _ certainty: Certainty) -> Bool {
    if isOpenEnded || reachesUnnamedRows(readers) { return true }
    guard !effects.isDisjoint(with: Self.reaching) else { return false }
    switch certainty {
    case .sure: return tables.isEmpty || !commands.allSatisfy(Self.tableCommands.contains)
    case .possible:
      return !commands.allSatisfy {
        Self.tableCommands.contains($0) || Self.otherCommands.contains($0)
      }
    }
  }

  /// Effects of commands that can be about more than tables.
  private static let reaching: StatementEffects = [.ddl, .privilege, .maintenance, .program]

  /// Commands that name every table they are about, unless a statement is open-ended.
  private static let tableCommands: Set<String> = [
    "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "TRUNCATE TABLE", "LOCK TABLE",
    "EXPLAIN", "SELECT INTO", "CREATE TABLE", "CREATE TABLE AS", "ALTER TABLE", "DROP TABLE",
    "CREATE VIEW", "ALTER VIEW", "DROP VIEW", "CREATE MATERIALIZED VIEW",
    "ALTER MATERIALIZED VIEW", "DROP MATERIALIZED VIEW", "REFRESH MATERIALIZED VIEW",
    "CREATE INDEX", "VACUUM", "ANALYZE", "CLUSTER", "REINDEX", "GRANT", "REVOKE", "BEGIN", "START",
    "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "ROLLBACK TO",
    "SET", "RESET", "SHOW",
  ]

  /// Commands that are about no table.
  private static let otherCommands: Set<String> = [
    "CREATE ROLE", "ALTER ROLE", "DROP ROLE", "GRANT ROLE", "REVOKE ROLE", "CREATE SCHEMA",
    "CREATE TYPE", "CREATE DOMAIN", "CREATE SEQUENCE", "ALTER SEQUENCE", "DROP SEQUENCE",
    "ALTER SYSTEM", "CHECKPOINT", "DISCARD", "PREPARE", "DEALLOCATE", "DECLARE CURSOR", "FETCH",
    "MOVE", "CLOSE CURSOR", "LISTEN", "UNLISTEN", "NOTIFY", "SET CONSTRAINTS",
  ]
}

extension StatementFacts.FunctionName {
  /// Whether a call of it can reach rows that its text names no table for.
  ///
  /// - Parameter effects: Of the text: what is only stored or shown has its effect not among them.
  fileprivate func reachesRows(in effects: StatementEffects) -> Bool {
    if isKnown, let name = parts.last {
      // Sequences have no rows of anybody's, and every insert takes numbers from them.
      if name == "nextval" { return false }
      if Self.objectReaders.contains(name) { return true }
    }
    return !self.effects.intersection(effects).isDisjoint(with: Self.reaching)
  }

  /// They read large objects, which are rows of pg_largeobject.
  private static let objectReaders: Set<String> = ["lo_get", "loread"]
  private static let reaching: StatementEffects = [.unknown, .write, .program, .maintenance, .ddl]
}
