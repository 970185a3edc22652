internal import GatewayModel

extension CompiledMatch {
  /// The first key that a statement does not match.
  ///
  /// Of a text that was not understood only its effects and that it is opaque are known; every other
  /// key is open.
  func mismatch(_ facts: StatementFacts, at time: WallTime, _ certainty: Certainty) -> MatchKey? {
    // An allowing rule's effects are what it adds: one that adds nothing to the statement is not
    // about it either.
    guard
      effects.rawValue == 0 || effects.rawValue & facts.effects.rawValue != 0
    else { return .effects }
    if let opaque, opaque != (facts.opacity != nil) { return opaque ? .understood : .opaque }
    let isOpen = facts.opacity != nil
    if let unfiltered, unfiltered != facts.isUnfiltered, !isOpen || certainty == .sure {
      return unfiltered ? .filtered : .unfiltered
    }
    let key = certainty == .sure ? coverMismatch(facts) : isOpen ? nil : touchMismatch(facts)
    if let key { return key }
    return times.isEmpty || times.contains { $0.contains(time) } ? nil : .time
  }

  /// For what refuses: a key matches when one thing of the statement can be meant by it.
  private func touchMismatch(_ facts: StatementFacts) -> MatchKey? {
    guard
      commands.isEmpty
        || commands.contains(where: { command in
          facts.commands.contains { command.pattern.matches($0) }
        })
    else { return .commands }
    guard
      tables.isEmpty || tables.touch(facts.tables, nil)
        || facts.reachesUnnamedTables(readers, .possible)
    else { return .tables }
    guard
      reads.isEmpty || reads.touch(facts.tables, .read) || facts.reachesUnnamedRows(readers)
    else { return .reads }
    guard
      writes.isEmpty || writes.touch(facts.tables, .write)
        || !Self.harmless.isSuperset(of: facts.effects) && facts.reachesUnnamedRows(readers)
    else { return .writes }
    guard columns.isEmpty || columns.contains(where: { $0.mayBeNamed(in: facts) }) else {
      return .columns
    }
    guard
      functions.isEmpty
        || functions.contains(where: { pattern in
          facts.functions.contains { pattern.mayMean($0.parts) }
        })
    else { return .functions }
    guard
      settings.isEmpty
        || settings.contains(where: { setting in
          facts.settings.contains { $0 == "*" || setting.pattern.matches($0) }
        })
    else { return .settings }
    return nil
  }

  /// Effects with which nothing is written.
  private static let harmless = StatementEffect.always.union([.read, .lock])

  /// For what allows: a key matches when all that the statement has of its sort is surely meant by it,
  /// and there is something of its sort.
  private func coverMismatch(_ facts: StatementFacts) -> MatchKey? {
    let isWhole = facts.opacity == nil
    // Of code and prepared statements the command itself is known.
    let knowsCommands = isWhole || facts.opacity == .code || facts.opacity == .prepared
    guard
      commands.isEmpty
        || knowsCommands && !facts.commands.isEmpty
          && facts.commands.allSatisfy({ name in
            commands.contains { $0.pattern.matches(name) }
          })
    else { return .commands }
    guard tables.isEmpty || isWhole && tables.cover(facts.tables, nil) else { return .tables }
    guard reads.isEmpty || isWhole && reads.cover(facts.tables, .read) else { return .reads }
    guard writes.isEmpty || isWhole && writes.cover(facts.tables, .write) else { return .writes }
    guard
      columns.isEmpty
        || isWhole && !facts.columns.isEmpty
          && facts.columns.allSatisfy({ name in
            columns.contains { $0.surelyMeans(name, of: facts.tables) }
          })
    else { return .columns }
    guard
      functions.isEmpty
        || isWhole && functions.coverCalls(facts.functions, with: effects)
          && facts.isOfCallsAlone(effects.subtracting(.unknown))
    else { return .functions }
    guard
      settings.isEmpty
        || isWhole && !facts.settings.isEmpty
          && facts.settings.allSatisfy({ name in
            settings.contains { $0.pattern.isAny || name != "*" && $0.pattern.matches(name) }
          })
    else { return .settings }
    return nil
  }
}

extension StatementFacts {
  /// Whether nothing but its calls has these effects: what a rule allows a function to do, it does not
  /// allow a command that calls it.
  fileprivate func isOfCallsAlone(_ effects: StatementEffects) -> Bool {
    guard effects.rawValue != 0 else { return true }
    guard commands.allSatisfy({ $0 == "SELECT" }), !tables.contains(where: { $0.access == .write })
    else { return false }
    let called = functions.reduce(UInt16(0)) { $0 | $1.effects.rawValue }
    return self.effects.rawValue & effects.rawValue & ~called == 0
  }
}

extension [TablePattern] {
  func touch(
    _ tables: [StatementFacts.TableUse], _ access: StatementFacts.TableUse.Access?
  ) -> Bool {
    tables.contains { use in
      (access == nil || use.access == access) && contains { $0.mayMean(use.name.parts) }
    }
  }

  func cover(
    _ tables: [StatementFacts.TableUse], _ access: StatementFacts.TableUse.Access?
  ) -> Bool {
    var isAny = false
    for use in tables where access == nil || use.access == access {
      guard covers(use) else { return false }
      isAny = true
    }
    return isAny
  }

  func covers(_ use: StatementFacts.TableUse) -> Bool {
    contains { $0.surelyMeans(use.name.parts) }
  }

  /// Whether the functions of a statement that are not known are surely all meant, and there is one.
  func coverUnknown(_ functions: [StatementFacts.FunctionName]) -> Bool {
    coverCalls(functions, with: .unknown)
  }

  /// Whether the functions of a statement that are not known, or have one of some effects, are surely all
  /// meant, and there is one.
  func coverCalls(
    _ functions: [StatementFacts.FunctionName], with effects: StatementEffects
  ) -> Bool {
    let relevant = effects.union(.unknown)
    var isAny = false
    for function in functions where !function.effects.isDisjoint(with: relevant) {
      guard contains(where: { $0.surelyMeans(function.parts) }) else { return false }
      isAny = true
    }
    return isAny
  }
}

extension ColumnMask {
  /// Whether a statement can give values of the columns.
  func mayShow(_ facts: StatementFacts) -> Bool {
    facts.opacity != nil || columns.contains { $0.mayBeNamed(in: facts) }
  }
}

extension PolicyRule {
  /// The first thing that keeps it from being about a statement.
  ///
  /// - Parameter readers: As for ``CompiledMatch``.
  func mismatch(
    _ facts: StatementFacts, at time: WallTime, trusting readers: [TablePattern]
  ) -> MatchKey? {
    switch action {
    case .deny(let match), .hold(let match, _), .allow(let match):
      CompiledMatch(match, trusting: readers).mismatch(facts, at: time, certainty)
    case .mask(let mask): mask.mayShow(facts) ? nil : .columns
    }
  }
}
