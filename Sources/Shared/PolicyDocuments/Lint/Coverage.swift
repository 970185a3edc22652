internal import GatewayModel
internal import PolicyEngine

/// Whether one thing is about all that another is about. `false` also where that is only not seen.

extension ConnectionScope {
  func covers(_ other: ConnectionScope) -> Bool {
    guard
      connections.isEmpty
        || !other.connections.isEmpty && other.connections.allSatisfy(connections.covers)
    else { return false }
    return labels.allSatisfy { name, pattern in
      other.labels[name].map(pattern.covers) ?? false
    }
  }
}

extension [NamePattern] {
  func covers(_ pattern: NamePattern) -> Bool { contains { $0.covers(pattern) } }
}

extension PrincipalSelector {
  func covers(_ other: PrincipalSelector?) -> Bool {
    if isEverybody { return true }
    guard let other, kinds.isEmpty || !other.kinds.isEmpty && Set(kinds).isSuperset(of: other.kinds)
    else { return false }
    guard hasNames else { return true }
    return other.hasNames
      && other.users.allSatisfy { users.covers($0) || subjects.covers($0) }
      && other.services.allSatisfy { services.covers($0) || subjects.covers($0) }
      && other.agents.allSatisfy { agents.covers($0) || subjects.covers($0) }
      && other.subjects.allSatisfy(subjects.covers) && other.groups.allSatisfy(groups.covers)
  }
}

extension PolicyRule {
  /// Whether it is for everybody that another selector is for; rules without `to` are for all.
  func isFor(_ other: PrincipalSelector?) -> Bool {
    except == nil && (to?.covers(other) ?? true)
  }
}

extension StatementMatch {
  /// Whether every statement that `other` matches is matched by this one.
  func covers(_ other: StatementMatch) -> Bool {
    func all<Value>(_ mine: [Value], _ others: [Value], _ covers: (Value, Value) -> Bool) -> Bool {
      mine.isEmpty
        || !others.isEmpty && others.allSatisfy { item in mine.contains { covers($0, item) } }
    }
    return (effects.isEmpty || !other.effects.isEmpty && effects.isSuperset(of: other.effects))
      && (opaque == nil || opaque == other.opaque)
      && (unfiltered == nil || unfiltered == other.unfiltered)
      && all(commands, other.commands) { $0.pattern.covers($1.pattern) }
      && all(tables, other.tables.isEmpty ? other.reads + other.writes : other.tables) {
        $0.covers($1)
      }
      && all(reads, other.reads) { $0.covers($1) } && all(writes, other.writes) { $0.covers($1) }
      && all(columns, other.columns) { $0.covers($1) }
      && all(functions, other.functions) { $0.covers($1) }
      && all(settings, other.settings) { $0.pattern.covers($1.pattern) }
      && all(times, other.times, ==) && all(networks, other.networks, ==)
      && all(kinds, other.kinds, ==) && (depth == nil || depth == other.depth)
      && all(applications, other.applications) { $0.covers($1) }
  }

  /// Whether it says nothing of a statement but its effects.
  var isBroad: Bool {
    var rest = self
    rest.effects = []
    rest.commands.removeAll { $0.pattern.isAny }
    return rest.isEmpty
  }

  /// Whether one that ``isBroad`` matches every statement that has one of some effects.
  func coversStatements(with wanted: StatementEffects) -> Bool {
    !wanted.isEmpty && (effects.isEmpty || effects.isSuperset(of: wanted))
  }
}

extension PolicyGrant {
  /// Whether it lets in whom another lets in, as the same role, and covers all that the other covers.
  func covers(_ other: PolicyGrant) -> Bool {
    func all(_ mine: [TablePattern], _ others: [TablePattern]) -> Bool {
      others.allSatisfy { item in mine.contains { $0.covers(item) } }
    }
    return role == other.role && effects.isSuperset(of: other.effects)
      && (when.times.isEmpty || when.times == other.when.times)
      && (when.networks.isEmpty || when.networks == other.when.networks)
      && (maximumDepth.map { $0 >= other.maximumDepth ?? .max } ?? true)
      && (tables.isEmpty || !other.tables.isEmpty && all(tables, other.tables))
      && all(functions, other.functions) && to.covers(other.to)
  }
}
