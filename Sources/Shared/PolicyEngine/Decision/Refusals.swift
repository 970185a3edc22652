internal import GatewayModel

extension PolicyDecision {
  /// What a rule that matches says.
  static func refusal(by rule: CompiledRule, _ verdict: Verdict) -> PolicyDecision {
    let act = verdict == .hold ? "Held for approval" : "Refused"
    return PolicyDecision(
      verdict: verdict, policy: rule.policy, rule: rule.rule.name,
      message: rule.rule.message
        ?? "\(act) by the rule \(rule.rule.name.quoted) of the policy \(rule.policy.quoted).",
      hint: rule.rule.hint)
  }

  /// The statement changes a setting that the limits of the session's grant rely on.
  static func pinned(_ setting: String, by entry: CompiledGrant) -> PolicyDecision {
    PolicyDecision(
      verdict: .deny, policy: entry.policy, rule: entry.grant.name,
      message: """
        The setting \(setting) is fixed by the grant \(entry.grant.name.quoted) of the policy \
        \(entry.policy.quoted).
        """,
      hint: "Leave it as it is, or ask for another limit in the grant.")
  }

  static func uncovered(_ why: String) -> PolicyDecision {
    PolicyDecision(
      verdict: .deny, policy: "", rule: "", message: "No grant allows this statement: \(why).",
      hint: "Ask whoever keeps the policies for a grant, or leave that part out.")
  }
}

extension CoverageGap {
  /// How far from covering the statement: the least is told.
  var distance: Int {
    switch self {
    case .time: 0
    case .table, .unnamedTables: 1
    case .effects(let missing): 1 + missing.effects.count
    }
  }

  /// For the client.
  var refusal: String {
    switch self {
    case .time: "it is outside of the times of the grant"
    case .table: "it names tables that are not granted, or not with their schema"
    case .unnamedTables: "it can reach tables that it does not name"
    case .effects(let missing):
      "it needs the effect\(missing.effects.count == 1 ? "" : "s") "
        + Words.list(missing.effects.map(\.rawValue))
    }
  }
}

/// Why nobody was let in: every grant of the connection with the first reason.
struct EntryRefusal {
  let detail: String

  /// The most grants that are told.
  private static let maximumGrants = 8

  init(_ set: PolicySet, _ request: EntryRequest, _ session: SessionContext) {
    let steps = set.entrySteps(request).filter { $0.kind == .grant }
    guard !steps.isEmpty else {
      detail = "no policy has a grant for the connection \(session.connection.quoted)"
      return
    }
    let told = steps.prefix(Self.maximumGrants).map { "\($0.policy)/\($0.name): \($0.reason)" }
    let rest = steps.count - told.count
    detail = told.joined(separator: "; ") + (rest > 0 ? "; and \(rest) more" : "")
  }
}

/// Small pieces of sentences.
enum Words {
  /// The most items of a list that are told.
  private static let maximumItems = 6

  /// `a`, `a and b`, `a, b and c`.
  static func list(_ items: [String], _ last: String = "and") -> String {
    guard items.count > 1 else { return items.first ?? "" }
    if items.count > maximumItems {
      return items.prefix(maximumItems).joined(separator: ", ")
        + " \(last) \(items.count - maximumItems) more"
    }
    return items.dropLast().joined(separator: ", ") + " \(last) \(items[items.count - 1])"
  }
}

extension String {
  var quoted: String { "\"\(self)\"" }
}
