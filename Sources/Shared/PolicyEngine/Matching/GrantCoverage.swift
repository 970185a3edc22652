internal import GatewayModel

/// What keeps a grant from covering a statement.
enum CoverageGap: Hashable, Sendable {
  case time
  case effects(StatementEffects)
  /// A table that the grant does not name, or not surely.
  case table
  /// A command that can reach tables that it does not name.
  case unnamedTables
}

extension PolicyGrant {
  /// What keeps it from covering a statement, with the effects that rules add to it.
  func gap(
    _ facts: StatementFacts, adding added: StatementEffects, at time: WallTime
  ) -> CoverageGap? {
    let missing = needed(facts).subtracting(Self.withImplied(effects.union(added)))
    guard missing.isEmpty else { return .effects(missing) }
    guard isOpen(time) else { return .time }
    guard !tables.isEmpty else { return nil }
    guard facts.tables.allSatisfy(tables.covers) else { return .table }
    return namesAllTables(facts) ? nil : .unnamedTables
  }

  /// The effects of a statement that a grant has to cover.
  private func needed(_ facts: StatementFacts) -> StatementEffects {
    var needed = facts.effects.subtracting(StatementEffect.always)
    if needed.contains(.unknown), facts.opacity == nil, !functions.isEmpty,
      functions.coverUnknown(facts.functions)
    {
      needed.remove(.unknown)
      needed.insert(.read)
    }
    return needed
  }

  /// Who may write rows may lock them.
  static func withImplied(_ effects: StatementEffects) -> StatementEffects {
    effects.contains(.write) ? effects.union(.lock) : effects
  }

  /// Whether the tables that a statement names are all that it can reach by its text. Commands like
  /// DROP SCHEMA or VACUUM without a table reach others.
  private func namesAllTables(_ facts: StatementFacts) -> Bool {
    guard facts.opacity == nil else { return false }
    if facts.effects.contains(.unknown), !functions.coverUnknown(facts.functions) { return false }
    guard !facts.effects.isDisjoint(with: Self.reaching) else { return true }
    return !facts.tables.isEmpty && facts.commands.allSatisfy(Self.tableCommands.contains)
  }

  /// Effects of commands that can be about more than tables.
  private static let reaching: StatementEffects = [.ddl, .privilege, .maintenance, .program]

  /// Commands that name every table they are about.
  private static let tableCommands: Set<String> = [
    "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "TRUNCATE TABLE", "LOCK TABLE",
    "EXPLAIN", "SELECT INTO", "CREATE TABLE", "CREATE TABLE AS", "ALTER TABLE", "DROP TABLE",
    "CREATE VIEW", "ALTER VIEW", "DROP VIEW", "CREATE MATERIALIZED VIEW",
    "ALTER MATERIALIZED VIEW", "DROP MATERIALIZED VIEW", "REFRESH MATERIALIZED VIEW",
    "CREATE INDEX", "BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "ROLLBACK TO",
    "SET", "RESET", "SHOW",
  ]
}
