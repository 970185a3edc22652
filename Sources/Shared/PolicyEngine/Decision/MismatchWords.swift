internal import GatewayModel

/// Says in words why something did not match in a session.
struct MismatchWords {
  let session: SessionContext

  func reason(_ key: MatchKey, _ scope: ConnectionScope) -> String {
    if key == .label, let name = scope.firstWrongLabel(session.labels),
      let wanted = scope.labels[name]
    {
      guard let value = session.labels[name] else {
        return "the connection has no label \(name.quoted)"
      }
      return "the connection's label \(name) is \(value.quoted), not \(wanted.text.quoted)"
    }
    return """
      the connection is \(session.connection.quoted), not \
      \(Self.list(scope.connections.map(\.text)))
      """
  }

  func reason(_ key: MatchKey, _ grant: PolicyGrant) -> String {
    switch key {
    case .depth:
      "the delegation has \(session.depth) hops, more than \(grant.maximumDepth ?? 0)"
    case .network: network(grant.when.networks)
    default: reason(key, grant.to)
    }
  }

  func reason(_ key: MatchKey, _ rule: PolicyRule) -> String {
    if let to = rule.to, to.mismatch(session, rule.certainty) != nil { return reason(key, to) }
    let match = rule.match ?? StatementMatch()
    switch key {
    case .kind: return kind(match.kinds)
    case .depth:
      return "the delegation has \(session.depth) hops, not \(match.depth?.words ?? "that many")"
    case .network: return network(match.networks)
    default:
      return """
        the application is \(session.application.quoted), not \
        \(Self.list(match.applications.map(\.text)))
        """
    }
  }

  private func reason(_ key: MatchKey, _ selector: PrincipalSelector) -> String {
    guard key != .kind else { return kind(selector.kinds) }
    let groups = session.principal.groups
    let member = groups.isEmpty ? "in no group" : "in \(Words.list(groups.map(\.quoted)))"
    return """
      \(session.principal.kind.rawValue) \(session.principal.subject.quoted) \(member) is none of \
      \(selector.words)
      """
  }

  private func kind(_ kinds: [Principal.Kind]) -> String {
    "the actor is of the kind \(session.kind.rawValue), not \(Self.list(kinds.map(\.rawValue)))"
  }

  private func network(_ networks: [Network]) -> String {
    "the address \(session.addressText.quoted) is not in \(Self.list(networks.map(\.description)))"
  }

  static func list(_ items: [String]) -> String { Words.list(items, "or") }
}

extension MismatchWords {
  /// Why a rule is not about a statement.
  func reason(_ key: MatchKey, _ rule: PolicyRule, _ facts: StatementFacts) -> String {
    if case .mask(let mask) = rule.action {
      return "it names none of the columns \(Self.list(mask.columns.map(\.text)))"
    }
    let match = rule.match ?? StatementMatch()
    if facts.opacity != nil, let word = Self.sort[key] {
      return "its \(word) are not all known, as the text is opaque"
    }
    let isAll = rule.certainty == .sure
    func tables(_ word: String, _ access: StatementFacts.TableUse.Access?, _ wanted: [TablePattern])
      -> String
    {
      let names = facts.tables.filter { access == nil || $0.access == access }
        .map { $0.name.description }
      return Self.differ(word, names, wanted.map(\.text), isAll)
    }
    switch key {
    case .effects:
      return Self.differ(
        "effects", facts.effects.effects.map(\.rawValue),
        EffectList.names(match.effects), false)
    case .understood: return "the text is understood"
    case .opaque: return "the text is opaque (\(facts.opacity?.rawValue ?? ""))"
    case .filtered: return "it does not write without a filter"
    case .unfiltered: return "it writes without a filter"
    case .commands:
      return Self.differ("commands", facts.commands, match.commands.map(\.description), isAll)
    case .tables: return tables("tables", nil, match.tables)
    case .reads: return tables("tables read", .read, match.reads)
    case .writes: return tables("tables written", .write, match.writes)
    case .columns:
      return Self.differ(
        "columns", facts.columns.map { $0.parts.joined(separator: ".") },
        match.columns.map(\.text), isAll)
    case .functions:
      let names = facts.functions
        .filter { !isAll || !$0.isKnown || !$0.effects.isDisjoint(with: match.effects) }
        .map(\.description)
      return Self.differ("functions", names, match.functions.map(\.text), isAll)
    case .settings:
      return Self.differ("settings", facts.settings, match.settings.map(\.description), isAll)
    default: return "it is outside of \(Self.list(match.times.map(\.description)))"
    }
  }

  /// Keys whose values an opaque text keeps to itself.
  private static let sort: [MatchKey: String] = [
    .commands: "commands", .tables: "tables", .reads: "tables", .writes: "tables",
    .columns: "columns", .functions: "functions", .settings: "settings",
  ]

  /// - Parameter isAll: Whether all had to match, and not one.
  private static func differ(
    _ word: String, _ found: [String], _ wanted: [String], _ isAll: Bool
  ) -> String {
    guard !found.isEmpty else { return "it has no \(word)" }
    let which = isAll ? "are not all surely" : "are none of"
    return "its \(word) (\(Words.list(found))) \(which) \(list(wanted))"
  }
}

extension PolicyRule {
  /// Whether it is about tables, and the statement names none of them.
  func isOpen(_ facts: StatementFacts) -> Bool {
    guard let match else { return false }
    let wanted = match.tables + match.reads + match.writes
    return !wanted.isEmpty && !wanted.touch(facts.tables, nil)
  }
}

extension CoverageGap {
  func words(_ grant: PolicyGrant, _ facts: StatementFacts) -> String {
    switch self {
    case .time:
      return "it is outside of \(MismatchWords.list(grant.when.times.map(\.description)))"
    case .effects(let missing):
      return """
        it does not cover \(Words.list(missing.effects.map(\.rawValue))), only \
        \(Words.list(EffectList.names(grant.effects)))
        """
    case .table:
      let open = facts.tables.filter { !grant.tables.covers($0) }.map { $0.name.description }
      return """
        \(Words.list(open)) \(open.count == 1 ? "is" : "are") not surely \
        \(MismatchWords.list(grant.tables.map(\.text)))
        """
    case .unnamedTables:
      return "the statement can reach tables that it does not name, and the grant is for some only"
    }
  }
}

extension DepthRange {
  var words: String {
    switch (minimum, maximum) {
    case (let low?, let high?): "\(low) to \(high)"
    case (let low?, nil): "\(low) or more"
    case (nil, let high?): "at most \(high)"
    case (nil, nil): "any number"
    }
  }
}

extension PrincipalSelector {
  /// Whom it is for, in words.
  var words: String {
    let sorts: [(String, [NamePattern])] = [
      ("user", users), ("service", services), ("agent", agents), ("subject", subjects),
      ("group", groups),
    ]
    let names = sorts.flatMap { sort in sort.1.map { "\(sort.0) \($0.text)" } }
    return names.isEmpty ? "nobody" : MismatchWords.list(names)
  }
}
