internal import GatewayModel
internal import PolicyEngine
import SessionCore

extension StatementJudgement {
  /// A decision of the policy as the session core takes it.
  init(_ decision: PolicyDecision, of bundle: BundleName) {
    let rule = PolicyRuleName(policy: decision.policy, rule: decision.rule)
    let observed = decision.observed.map {
      ObservedDecision(policy: $0.policy, rule: $0.rule, verdict: $0.verdict.rawValue)
    }
    guard let refusal = StatementRefusal(decision, of: bundle) else {
      self.init(.allow, by: rule, maximumRows: decision.maximumRows, observed: observed)
      return
    }
    self.init(.refuse(refusal), by: rule, observed: observed)
  }
}

extension StatementRefusal {
  /// What the client is told of a decision; `nil` when the statement may pass.
  init?(_ decision: PolicyDecision, of bundle: BundleName) {
    switch decision.verdict {
    case .deny:
      self.init(
        reason: .policy, sqlstate: "42501", message: decision.message,
        hint: decision.hint ?? Self.hint,
        detail: Self.source(decision.policy, decision.rule, bundle))
    case .hold:
      self.init(
        reason: .policy, sqlstate: "0A000",
        message: "this statement needs an approval, and this agent cannot wait for one",
        hint: decision.hint ?? "Ask whoever keeps the policies to run it or to let it pass.",
        detail: Self.source(decision.policy, decision.rule, bundle))
    case .allow:
      guard let mask = decision.masks.first else { return nil }
      self.init(
        reason: .policy, sqlstate: "0A000",
        message: "this statement reads columns that are masked, and this agent cannot mask",
        hint: "Leave out what the rule masks: name the other columns instead of *.",
        detail: Self.source(mask.policy, mask.rule, bundle))
      rule = PolicyRuleName(policy: mask.policy, rule: mask.rule)
      return
    }
    rule = PolicyRuleName(policy: decision.policy, rule: decision.rule)
  }

  /// The policy in force does not let the session in any more; it is about to be ended.
  static let notGranted = StatementRefusal(
    reason: .grantRevoked, sqlstate: "42501",
    message: "no policy lets this session go on", hint: "Ask for a grant to this connection.",
    detail: "")

  private static let hint =
    "Leave that part out, or ask whoever keeps the policies; `sallyport policy explain` says what was"
    + " considered."

  private static func source(_ policy: String, _ rule: String, _ bundle: BundleName) -> String {
    guard !policy.isEmpty else {
      return "No grant of bundle \(bundle.version) covers it: what is not granted is refused."
    }
    return "Rule \"\(rule)\" of policy \"\(policy)\", bundle \(bundle.version)."
  }
}
