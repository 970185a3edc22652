package import GatewayModel
package import NIOCore

/// Understands the texts of one session and judges them by the policy of the moment.
///
/// Given to the core at its start; the shell changes what stands behind it when a new bundle is in
/// force, so that the next statement is judged by that. For the core it is a pure function: the
/// same answers give the same effects (docs/decisions/0010).
package protocol StatementJudge: Sendable {
  /// What a text says of itself; a text that is not understood is opaque, never an error.
  func facts(of text: ByteBuffer) -> StatementFacts
  /// Whether what has these facts may be executed now.
  func judge(_ facts: StatementFacts) -> StatementJudgement
}

/// What the policy says of one execution.
package struct StatementJudgement: Equatable, Sendable {
  package var verdict: StatementVerdict
  /// The document and the grant or rule that decided; empty where nothing did.
  package var rule: PolicyRuleName
  /// The most rows that the execution may return; any number when absent.
  package var maximumRows: Int?
  /// What rules in observe mode would have decided.
  package var observed: [ObservedDecision]

  package init(
    _ verdict: StatementVerdict, by rule: PolicyRuleName = PolicyRuleName(),
    maximumRows: Int? = nil, observed: [ObservedDecision] = []
  ) {
    self.verdict = verdict
    self.rule = rule
    self.maximumRows = maximumRows
    self.observed = observed
  }
}

/// A rule or grant by the names in its policy document.
package struct PolicyRuleName: Hashable, Sendable {
  package var policy: String
  package var rule: String

  package init(policy: String = "", rule: String = "") {
    self.policy = policy
    self.rule = rule
  }
}

/// The facts of a prepared text, kept with it so that each execution is judged without parsing.
final class UnderstoodText: Sendable, Equatable {
  let facts: StatementFacts

  init(_ facts: StatementFacts) { self.facts = facts }

  /// Of what was prepared by SQL, or is not known any more.
  static let unknown = UnderstoodText(.opaque(.prepared))

  static func == (left: UnderstoodText, right: UnderstoodText) -> Bool {
    left === right || left.facts == right.facts
  }
}
