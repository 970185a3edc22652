package import GatewayModel

/// What of all policies concerns one session.
package struct SessionPolicy: Sendable {
  /// Whether no grant or rule lets it do more than read, at any time.
  package let isReadOnly: Bool
  /// Of the grant that let the session in.
  package let limits: GrantLimits
  /// Whether its decisions do not depend on the time.
  package let isTimeless: Bool
  let set: PolicySet
  let context: SessionContext
  let role: String
  let grants: [CompiledGrant]
  let rules: [CompiledRule]
  /// The one that let the session in; `nil` when none would now.
  let entry: CompiledGrant?
  private let pinned: [String]

  init(
    set: PolicySet, session: SessionContext, role: String, enteredAt: WallTime,
    grants: [CompiledGrant], rules: [CompiledRule]
  ) {
    self.set = set
    context = session
    self.role = role
    self.grants = grants
    self.rules = rules
    let enforced = grants.filter { !$0.observes }
    entry = enforced.first { $0.grant.isOpen(enteredAt) } ?? enforced.first
    limits = entry?.grant.limits ?? GrantLimits()
    pinned = limits.pinnedSettings
    let harmless = StatementEffect.always.union(.read)
    isReadOnly =
      enforced.allSatisfy { harmless.isSuperset(of: $0.grant.effects) }
      && rules.allSatisfy { rule in
        guard case .allow(let match) = rule.rule.action, !rule.observes, rule.exempt == nil else {
          return true
        }
        return harmless.isSuperset(of: match.effects)
      }
    isTimeless =
      grants.allSatisfy { $0.grant.when.times.isEmpty }
      && rules.allSatisfy { $0.rule.match?.times.isEmpty ?? true }
  }

  /// Judges a statement: deny before hold before allow, and nothing is allowed that no grant covers.
  package func decide(_ facts: StatementFacts, at time: WallTime) -> PolicyDecision {
    var found = MatchedRules.none
    for rule in rules where rule.isAbout(facts, at: time) { found.take(rule) }
    var decision = verdict(facts, found, at: time)
    if !rules.isEmpty {
      decision.masks = found.masks
      decision.exemption = found.exemption
      decision.observed = found.observed
    }
    if decision.verdict == .deny, found.deny == nil {
      // A grant that only observes would have made a difference here alone.
      for grant in grants
      where grant.observes && grant.gap(facts, adding: found.added, at: time) == nil {
        decision.observed.append(
          ObservedRule(policy: grant.policy, rule: grant.grant.name, verdict: .allow))
      }
    }
    return decision
  }

  private func verdict(
    _ facts: StatementFacts, _ found: MatchedRules, at time: WallTime
  ) -> PolicyDecision {
    if let deny = found.deny { return .refusal(by: deny, .deny) }
    if let entry, let setting = pinnedSetting(facts) { return .pinned(setting, by: entry) }
    guard let grant = grant(facts, adding: found.added, at: time) else {
      return .uncovered(missing(facts, adding: found.added, at: time))
    }
    if let hold = found.hold {
      var decision = PolicyDecision.refusal(by: hold, .hold)
      if case .hold(_, let terms) = hold.rule.action { decision.hold = terms }
      decision.maximumRows = grant.grant.limits.maximumRows
      return decision
    }
    return PolicyDecision(
      verdict: .allow, policy: grant.policy, rule: grant.grant.name,
      maximumRows: grant.grant.limits.maximumRows)
  }

  /// The first grant that covers a statement.
  private func grant(
    _ facts: StatementFacts, adding added: StatementEffects, at time: WallTime
  ) -> CompiledGrant? {
    grants.first { !$0.observes && $0.gap(facts, adding: added, at: time) == nil }
  }

  /// Why no grant covers it, in words for the client: what the grant that comes nearest lacks.
  private func missing(
    _ facts: StatementFacts, adding added: StatementEffects, at time: WallTime
  ) -> String {
    let gaps = grants.filter { !$0.observes }
      .compactMap { $0.gap(facts, adding: added, at: time) }
    return gaps.min { $0.distance < $1.distance }?.refusal ?? "no grant is there for this session"
  }

  /// A setting that the statement changes, or can, and the limits of the session rely on.
  func pinnedSetting(_ facts: StatementFacts) -> String? {
    guard !pinned.isEmpty, !facts.settings.isEmpty else { return nil }
    if let setting = pinned.first(where: { facts.settings.contains($0) }) { return setting }
    guard facts.settings.contains("*"), facts.effects.contains(.session) else { return nil }
    // RESET ALL and DISCARD ALL go back to what the agent set; another `*` is a name that is not told.
    return facts.commands.allSatisfy { $0 == "RESET" || $0 == "DISCARD" } ? nil : pinned.first
  }
}

/// The rules that are about a statement, sorted by what they do.
struct MatchedRules {
  private(set) var deny: CompiledRule?
  private(set) var hold: CompiledRule?
  /// The effects that rules add to grants.
  private(set) var added: StatementEffects = []
  private(set) var masks: [AppliedMask] = []
  private(set) var exemption: AppliedExemption?
  private(set) var observed: [ObservedRule] = []

  /// Made once: an option set from a literal of another module costs 0.3 µs.
  static let none = MatchedRules()

  mutating func take(_ rule: CompiledRule) {
    if let exempt = rule.exempt {
      if exemption == nil {
        exemption = AppliedExemption(policy: rule.policy, rule: rule.rule.name, exempt: exempt)
      }
      return
    }
    guard !rule.observes else {
      observed.append(
        ObservedRule(policy: rule.policy, rule: rule.rule.name, verdict: rule.rule.verb))
      return
    }
    switch rule.rule.action {
    case .deny: if deny == nil { deny = rule }
    case .hold: if hold == nil { hold = rule }
    case .allow(let match): added.formUnion(match.effects)
    case .mask(let mask):
      masks.append(AppliedMask(policy: rule.policy, rule: rule.rule.name, mask: mask))
    }
  }
}
