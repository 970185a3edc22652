package import GatewayModel

/// What policy says to a statement.
package struct PolicyDecision: Hashable, Sendable, Codable {
  package enum Verdict: String, Hashable, Sendable, Codable, CaseIterable {
    case allow, deny, hold
  }

  package var verdict: Verdict
  /// The policy of what decided; empty when no grant covers the statement.
  package var policy: String
  /// The rule, or the grant when it is allowed; empty when no grant covers the statement.
  package var rule: String
  /// What the client is told when the statement is not allowed; empty when it is.
  package var message: String
  /// What the client is told to do.
  package var hint: String?
  /// Who may let it go; set when it is held.
  package var hold: HoldTerms?
  /// All that apply, in the order of the documents.
  package var masks: [AppliedMask]
  /// The most rows it may return, by the grant that covers it.
  package var maximumRows: Int?
  /// The first rule that would have been about it, had the session not been exempt.
  package var exemption: AppliedExemption?
  /// What only observes, and what it would have done.
  package var observed: [ObservedRule]

  package init(
    verdict: Verdict, policy: String, rule: String, message: String = "", hint: String? = nil,
    hold: HoldTerms? = nil, masks: [AppliedMask] = [], maximumRows: Int? = nil,
    exemption: AppliedExemption? = nil, observed: [ObservedRule] = []
  ) {
    self.verdict = verdict
    self.policy = policy
    self.rule = rule
    self.message = message
    self.hint = hint
    self.hold = hold
    self.masks = masks
    self.maximumRows = maximumRows
    self.exemption = exemption
    self.observed = observed
  }
}

/// A mask that applies to what a statement returns.
package struct AppliedMask: Hashable, Sendable, Codable {
  package var policy: String
  package var rule: String
  package var mask: ColumnMask

  package init(policy: String, rule: String, mask: ColumnMask) {
    self.policy = policy
    self.rule = rule
    self.mask = mask
  }
}

/// A rule that was not applied, and why.
package struct AppliedExemption: Hashable, Sendable, Codable {
  package var policy: String
  package var rule: String
  /// Who is exempt, in words: `group dba`.
  package var exempt: String

  package init(policy: String, rule: String, exempt: String) {
    self.policy = policy
    self.rule = rule
    self.exempt = exempt
  }
}

/// A rule or grant that only observes, and what it would have done.
package struct ObservedRule: Hashable, Sendable, Codable {
  package var policy: String
  package var rule: String
  package var verdict: PolicyVerb

  package init(policy: String, rule: String, verdict: PolicyVerb) {
    self.policy = policy
    self.rule = rule
    self.verdict = verdict
  }
}

/// Whether somebody may enter a connection, and as which database role.
package enum EntryDecision: Hashable, Sendable {
  case allow(policy: String, grant: String, role: String)
  /// - Parameter detail: Why, for the record and not for the client.
  case deny(ReasonCode, detail: String)
}
