import GatewayModel
import NIOCore

@testable import SessionCore

/// A judge for tests of the core: texts have no facts but their own words, and what begins with a
/// listed word is refused.
struct ListedJudge: StatementJudge {
  /// First words in small letters.
  var refused: Set<String> = []
  var maximumRows: Int?
  var observed: [ObservedDecision] = []

  static let rule = PolicyRuleName(policy: "p", rule: "r")

  func facts(of text: ByteBuffer) -> StatementFacts {
    let word = String(buffer: text).split(separator: " ").first.map { $0.lowercased() }
    // As the walk names it.
    if word == "fetch" { return StatementFacts(commands: ["FETCH"]) }
    return StatementFacts(commands: word.map { [$0] } ?? [])
  }

  func judge(_ facts: StatementFacts) -> StatementJudgement {
    let word = facts.opacity?.rawValue ?? facts.commands.first ?? ""
    guard refused.contains(word) else {
      return StatementJudgement(
        .allow, by: Self.rule, maximumRows: maximumRows, observed: observed)
    }
    var refusal = StatementRefusal(
      reason: .policy, sqlstate: "42501", message: "\(word) is not for you", hint: "Do without.",
      detail: "rule r")
    refusal.rule = Self.rule
    return StatementJudgement(.refuse(refusal), by: Self.rule, observed: observed)
  }
}
