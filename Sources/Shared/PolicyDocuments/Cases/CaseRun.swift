package import GatewayModel
package import PolicyEngine

/// What policy said to a case.
package struct CaseResult: Sendable {
  package var policyCase: PolicyCase
  /// Each thing that is not as expected, in words: `decision is deny, not allow`.
  package var differences: [String]
  /// Every grant and rule that was considered.
  package var explanation: String

  package var isPassed: Bool { differences.isEmpty }

  /// For people: one line, and the explanation where it failed.
  package var text: String {
    let title = "\(policyCase.place): \(isPassed ? "ok" : "FAILED"): \(policyCase.name)"
    guard !isPassed else { return title }
    return
      ([title]
      + (differences + explanation.split(separator: "\n").map(String.init)).map {
        "    \($0)"
      }).joined(separator: "\n")
  }
}

extension PolicyCases {
  /// Judges every case by a set of policies.
  ///
  /// - Parameter facts: What the text of a statement says of itself.
  package func run(
    _ set: PolicySet, facts: (String) -> StatementFacts
  ) -> [CaseResult] {
    cases.map { $0.run(set, facts: facts) }
  }
}

extension PolicyCase {
  package func run(_ set: PolicySet, facts: (String) -> StatementFacts) -> CaseResult {
    switch set.entry(request) {
    case .deny:
      return CaseResult(
        policyCase: self,
        differences: Self.difference(
          "decision", Verdict.entryDenied.rawValue, expected.verdict.rawValue),
        explanation: set.explainEntry(request).text)
    case .allow(let policy, let grant, let role):
      guard let sql, expected.verdict != .entryDenied else {
        return CaseResult(
          policyCase: self,
          differences: Self.difference("decision", "allow", expected.verdict.rawValue)
            + Self.difference("rule", "\(policy)/\(grant)", expected.rule),
          explanation: set.explainEntry(request).text)
      }
      let session = set.session(request, role: role)
      let explanation = session.explain(facts(sql), at: request.at)
      return CaseResult(
        policyCase: self, differences: differences(explanation.decision),
        explanation: explanation.text)
    }
  }

  private func differences(_ decision: PolicyDecision) -> [String] {
    let rule = decision.policy.isEmpty ? "none" : "\(decision.policy)/\(decision.rule)"
    return Self.difference("decision", decision.verdict.rawValue, expected.verdict.rawValue)
      + Self.difference("rule", rule, expected.rule)
      + Self.difference(
        "masks", Self.list(decision.masks.map { "\($0.policy)/\($0.rule)" }),
        expected.masks.map(Self.list))
      + Self.difference(
        "max_rows", decision.maximumRows.map(String.init) ?? "none",
        expected.maximumRows.map(String.init))
      + Self.difference(
        "observed", Self.list(decision.observed.map { "\($0.policy)/\($0.rule)" }),
        expected.observed.map(Self.list))
  }

  private static func list(_ items: [String]) -> String { "[\(items.joined(separator: ", "))]" }

  private static func difference(_ what: String, _ found: String, _ wanted: String?) -> [String] {
    guard let wanted, wanted != found else { return [] }
    return ["\(what) is \(found), not \(wanted)"]
  }
}
