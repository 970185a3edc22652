internal import PolicyEngine

/// Looks for what a set of policies says and cannot mean.
package struct PolicyLint: Sendable {
  /// A connection that is there.
  package struct KnownConnection: Hashable, Sendable {
    package var name: String
    package var labels: [String: String]
    package init(name: String, labels: [String: String]) {
      self.name = name
      self.labels = labels
    }
  }

  let policies: [LocatedPolicy]
  let parts: PlacedParts
  private let connections: [KnownConnection]?
  private let catalogue: Catalogue?

  /// - Parameters:
  ///   - connections: All that there are; `nil` where that is not known.
  ///   - catalogue: Of the databases behind them; `nil` where that is not known.
  package init(
    _ policies: [LocatedPolicy], connections: [KnownConnection]? = nil,
    catalogue: Catalogue? = nil
  ) {
    self.policies = policies
    parts = PlacedParts(policies)
    self.connections = connections
    self.catalogue = catalogue
  }

  /// In the order of the policies.
  package func diagnostics() -> [Diagnostic] {
    let single: [(LocatedPolicy) -> [Diagnostic]] = [modes, exemptions, scope, names]
    let joint: [(Int) -> [Diagnostic]] = [contradictions, unreachable, covered, masks, unknown]
    return policies.enumerated().flatMap { number, policy in
      single.flatMap { $0(policy) } + joint.flatMap { $0(number) }
    }
  }

  private func modes(_ policy: LocatedPolicy) -> [Diagnostic] {
    guard policy.document.mode == .observe else { return [] }
    let grants = zip(policy.document.grants, policy.grants).filter { $0.0.mode == .observe }
    let rules = zip(policy.document.rules, policy.rules).filter { $0.0.mode == .observe }
    return (grants.map { ($0.0.name, $0.1) } + rules.map { ($0.0.name, $0.1) }).map {
      Diagnostic(
        .warning, $0.1, "\"\($0.0)\" observes inside a policy that observes",
        remedy: "leave its mode out, or enforce the policy and observe here")
    }
  }

  private func exemptions(_ policy: LocatedPolicy) -> [Diagnostic] {
    zip(policy.document.rules, policy.rules).compactMap { rule, place in
      guard let except = rule.except else { return nil }
      if except.isEverybody {
        return Diagnostic(
          .error, place, "the rule \"\(rule.name)\" exempts everybody",
          remedy: "narrow except, or leave the rule out")
      }
      guard let to = rule.to, except.covers(to) else { return nil }
      return Diagnostic(
        .error, place, "the rule \"\(rule.name)\" exempts everybody it is for",
        remedy: "narrow except, or widen to")
    }
  }

  private func scope(_ policy: LocatedPolicy) -> [Diagnostic] {
    guard let connections else { return [] }
    let on = policy.document.on
    let idle = on.connections.filter { pattern in
      !connections.contains { pattern.matches($0.name) }
    }
    if !idle.isEmpty {
      return idle.map { pattern in
        let nearest = Suggestion.nearest(to: pattern.text, in: connections.map(\.name))
        return Diagnostic(
          .warning, policy.scope, "no connection is called \"\(pattern.text)\"",
          remedy: nearest.map { "did you mean \"\($0)\"?" } ?? "leave it out, or add the connection"
        )
      }
    }
    let isAbout = connections.contains { known in
      (on.connections.isEmpty || on.connections.contains { $0.matches(known.name) })
        && on.labels.allSatisfy { name, pattern in
          known.labels[name].map(pattern.matches) ?? false
        }
    }
    guard !isAbout else { return [] }
    return [
      Diagnostic(
        .warning, policy.scope, "the policy \"\(policy.document.name)\" is about no connection",
        remedy: "mend the labels of on, or those of a connection")
    ]
  }

  private func names(_ policy: LocatedPolicy) -> [Diagnostic] {
    guard let catalogue else { return [] }
    func check(
      _ name: String, _ place: SourcePlace, _ tables: [TablePattern], _ columns: [ColumnPattern]
    ) -> [Diagnostic] {
      let known = catalogue.tables.map { $0.name.joined(separator: ".") }
      let missingTables = tables.filter { !catalogue.has($0) }.map { pattern in
        Diagnostic(
          .error, place,
          "\"\(name)\" names the table \"\(pattern.text)\", which the catalogue has not",
          remedy: Suggestion.nearest(to: pattern.text, in: known).map { "did you mean \"\($0)\"?" }
            ?? "mend the name, or the catalogue")
      }
      let known2 = catalogue.tables.flatMap { table in
        table.columns.map { (table.name + [$0]).joined(separator: ".") }
      }
      return missingTables
        + columns.filter { !catalogue.has($0) }.map { pattern in
          Diagnostic(
            .error, place,
            "\"\(name)\" names the column \"\(pattern.text)\", which the catalogue has not",
            remedy: Suggestion.nearest(to: pattern.text, in: known2)
              .map { "did you mean \"\($0)\"?" } ?? "mend the name, or the catalogue")
        }
    }
    let grants = zip(policy.document.grants, policy.grants).flatMap {
      check($0.0.name, $0.1, $0.0.tables, [])
    }
    let rules = zip(policy.document.rules, policy.rules).flatMap { rule, place in
      if case .mask(let mask) = rule.action { return check(rule.name, place, [], mask.columns) }
      let match = rule.match ?? StatementMatch()
      return check(rule.name, place, match.tables + match.reads + match.writes, match.columns)
    }
    return grants + rules
  }
}
