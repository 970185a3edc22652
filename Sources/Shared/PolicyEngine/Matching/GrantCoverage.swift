internal import GatewayModel

/// What keeps a grant from covering a statement.
enum CoverageGap: Hashable, Sendable {
  case time
  case effects(StatementEffects)
  /// A table that the grant does not name, or not surely.
  case table
  /// A command or function that can reach tables that the statement does not name.
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
    return facts.opacity != nil || facts.reachesUnnamedTables(functions, .sure)
      ? .unnamedTables : nil
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
}
