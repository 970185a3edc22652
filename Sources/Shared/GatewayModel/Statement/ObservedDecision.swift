/// A rule or grant that only observes, and what it would have decided.
package struct ObservedDecision: Hashable, Sendable {
  package var policy: String
  package var rule: String
  /// `allow`, `deny`, `hold` or `mask`.
  package var verdict: String

  package init(policy: String, rule: String, verdict: String) {
    self.policy = policy
    self.rule = rule
    self.verdict = verdict
  }
}
