package import GatewayModel

extension SessionPolicy {
  /// The decision with every grant and rule of all policies and the first reason why it did not match.
  ///
  /// Nothing of it is kept while statements are judged: it is worked out anew.
  package func explain(_ facts: StatementFacts, at time: WallTime) -> Explanation {
    var steps: [ExplanationStep] = []
    var found = MatchedRules()
    for rule in rules where rule.isAbout(facts, at: time) { found.take(rule) }
    for document in set.documents {
      let words = MismatchWords(session: context)
      if let key = document.on.mismatch(context) {
        steps.append(
          ExplanationStep(
            policy: document.name, name: "", kind: .policy, outcome: .notMatched,
            reason: words.reason(key, document.on)))
        continue
      }
      steps += document.grants.map { step($0, document, facts, found.added, at: time) }
      steps += document.rules.map { step($0, document, facts, at: time) }
    }
    let decision = decide(facts, at: time)
    Self.markDecided(&steps, decision, pinned: found.deny == nil ? pinnedSetting(facts) : nil)
    return Explanation(decision: decision, steps: steps)
  }

  private func step(
    _ grant: PolicyGrant, _ document: PolicyDocument, _ facts: StatementFacts,
    _ added: StatementEffects, at time: WallTime
  ) -> ExplanationStep {
    var step = ExplanationStep(
      policy: document.name, name: grant.name, kind: .grant, outcome: .notMatched, reason: "")
    let words = MismatchWords(session: context)
    if grant.role != role {
      step.reason = "it gives the role \(grant.role.quoted), and the session has \(role.quoted)"
    } else if let key = grant.mismatch(context) {
      step.reason = words.reason(key, grant)
    } else if let gap = grant.gap(facts, adding: added, at: time) {
      step.reason = gap.words(grant, facts)
    } else if document.mode == .observe || grant.mode == .observe {
      step.outcome = .observed
      step.reason = "it would cover the statement, and only observes"
    } else {
      step.outcome = .matched
      step.reason = "it covers the statement"
    }
    return step
  }

  private func step(
    _ rule: PolicyRule, _ document: PolicyDocument, _ facts: StatementFacts, at time: WallTime
  ) -> ExplanationStep {
    var step = ExplanationStep(
      policy: document.name, name: rule.name, kind: .init(rule.verb), outcome: .notMatched,
      reason: "")
    let words = MismatchWords(session: context)
    if let key = rule.mismatch(context) {
      step.reason = words.reason(key, rule)
    } else if let key = rule.mismatch(facts, at: time, trusting: grants.readers) {
      step.reason = words.reason(key, rule, facts)
    } else if let exempt = rule.exemption(context) {
      step.outcome = .exempt
      step.reason = "it matches, and \(exempt) is exempt"
    } else if document.mode == .observe || rule.mode == .observe {
      step.outcome = .observed
      step.reason = "it matches, and only observes"
    } else {
      step.outcome = .matched
      step.reason =
        facts.opacity.map { "it matches; the text is opaque (\($0.rawValue))" }
        ?? (rule.isOpen(facts)
          ? "it matches: the statement can reach tables that it does not name" : "it matches")
    }
    return step
  }

  /// Marks the step that the decision names, if it names one.
  private static func markDecided(
    _ steps: inout [ExplanationStep], _ decision: PolicyDecision, pinned: String?
  ) {
    let isRule =
      switch decision.verdict {
      case .allow: false
      case .hold: true
      case .deny: pinned == nil
      }
    guard !decision.policy.isEmpty,
      let index = steps.firstIndex(where: {
        $0.policy == decision.policy && $0.name == decision.rule && ($0.kind != .grant) == isRule
          && (pinned != nil || $0.outcome == .matched)
      })
    else { return }
    steps[index].outcome = .decided
    if let pinned { steps[index].reason = "its limits rely on the setting \(pinned)" }
  }
}

extension PolicySet {
  /// The decision on an entry with every policy and grant.
  package func explainEntry(_ request: EntryRequest) -> EntryExplanation {
    var steps = entrySteps(request)
    let decision = entry(request)
    if case .allow(let policy, let grant, _) = decision,
      let index = steps.firstIndex(where: {
        $0.policy == policy && $0.name == grant && $0.outcome == .matched
      })
    {
      steps[index].outcome = .decided
    }
    return EntryExplanation(decision: decision, steps: steps)
  }

  func entrySteps(_ request: EntryRequest) -> [ExplanationStep] {
    let session = SessionContext(request)
    let words = MismatchWords(session: session)
    var steps: [ExplanationStep] = []
    for document in documents {
      if let key = document.on.mismatch(session) {
        steps.append(
          ExplanationStep(
            policy: document.name, name: "", kind: .policy, outcome: .notMatched,
            reason: words.reason(key, document.on)))
        continue
      }
      for grant in document.grants {
        var step = ExplanationStep(
          policy: document.name, name: grant.name, kind: .grant, outcome: .notMatched, reason: "")
        if let key = grant.mismatch(session) {
          step.reason = words.reason(key, grant)
        } else if !grant.isOpen(request.at) {
          step.reason = CoverageGap.time.words(grant, StatementFacts())
        } else if document.mode == .observe || grant.mode == .observe {
          step.outcome = .observed
          step.reason = "it would let in as \(grant.role.quoted), and only observes"
        } else {
          step.outcome = .matched
          step.reason = "it lets in as \(grant.role.quoted)"
        }
        steps.append(step)
      }
    }
    return steps
  }
}

extension ExplanationStep.Kind {
  init(_ verb: PolicyVerb) {
    switch verb {
    case .deny: self = .deny
    case .hold: self = .hold
    case .allow: self = .allow
    case .mask: self = .mask
    }
  }
}
