/// A decision with every policy, grant and rule that was considered, in order.
package struct Explanation: Hashable, Sendable, Codable {
  package var decision: PolicyDecision
  package var steps: [ExplanationStep]

  /// For people: the decision, then a line for each step.
  package var text: String {
    (["\(headline)"] + steps.map(\.text)).joined(separator: "\n")
  }

  private var headline: String {
    let by = decision.policy.isEmpty ? "" : " by \(decision.policy)/\(decision.rule)"
    var line = "\(decision.verdict.rawValue)\(by)"
    if !decision.message.isEmpty { line += ": \(decision.message)" }
    if let rows = decision.maximumRows { line += " (at most \(rows) rows)" }
    return line
  }
}

/// Why somebody may enter a connection, or may not.
package struct EntryExplanation: Hashable, Sendable {
  package var decision: EntryDecision
  /// Policies and grants.
  package var steps: [ExplanationStep]

  package var text: String {
    let headline =
      switch decision {
      case .allow(let policy, let grant, let role): "entry as \(role) by \(policy)/\(grant)"
      case .deny(let code, let detail): "no entry (\(code.rawValue)): \(detail)"
      }
    return ([headline] + steps.map(\.text)).joined(separator: "\n")
  }
}

/// One policy, grant or rule, and what it did.
package struct ExplanationStep: Hashable, Sendable, Codable {
  package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
    /// A policy that is not about the connection: its grants and rules were not considered.
    case policy
    case grant, deny, hold, allow, mask
  }

  package enum Outcome: String, Hashable, Sendable, Codable, CaseIterable {
    /// It is why the decision is what it is.
    case decided
    /// It matched, or covers the statement, and something else decided.
    case matched
    /// It would have matched, had the session not been exempt.
    case exempt
    /// It matched and only observes.
    case observed
    case notMatched = "not_matched"
  }

  package var policy: String
  /// Of the grant or rule; empty for a policy.
  package var name: String
  package var kind: Kind
  package var outcome: Outcome
  /// In words: the first thing that did not match, or what did.
  package var reason: String

  package init(policy: String, name: String, kind: Kind, outcome: Outcome, reason: String) {
    self.policy = policy
    self.name = name
    self.kind = kind
    self.outcome = outcome
    self.reason = reason
  }

  package var text: String {
    let sign =
      switch outcome {
      case .decided: "=>"
      case .matched: " +"
      case .exempt, .observed: " ~"
      case .notMatched: " -"
      }
    let what = name.isEmpty ? policy : "\(policy)/\(name)"
    return "\(sign) \(kind.rawValue) \(what): \(reason)"
  }
}
