import GatewayModel
import Testing

@testable import PolicyEngine

/// What only observes decides nothing and is told.
@Suite struct ObserveTests {
  private func policy(
    _ grants: [PolicyGrant], _ rules: [PolicyRule], mode: PolicyMode = .enforce
  ) -> PolicyDocument {
    PolicyDocument(name: "p", mode: mode, grants: grants, rules: rules)
  }

  private static func rule(_ action: PolicyRule.Action, _ mode: PolicyMode = .observe) -> PolicyRule
  {
    PolicyRule(name: "r", mode: mode, action: action)
  }

  static let actions: [(PolicyRule.Action, PolicyVerb)] = [
    (.deny(.init(effects: .write)), .deny), (.hold(.init(effects: .write), HoldTerms()), .hold),
    (.mask(ColumnMask(columns: ["a"], with: "null")), .mask),
  ]

  private let write = Sample.facts(.write, ["UPDATE"], writes: ["public.t"], columns: ["a"])

  @Test(arguments: actions) func rulePasses(action: PolicyRule.Action, verb: PolicyVerb) {
    let grant = Sample.grant([.read, .write])
    let decision = Sample.decide([policy([grant], [Self.rule(action)])], write)
    #expect(decision.verdict == .allow && decision.masks.isEmpty)
    #expect(decision.observed == [ObservedRule(policy: "p", rule: "r", verdict: verb)])
    let enforced = Sample.decide([policy([grant], [Self.rule(action, .enforce)])], write)
    #expect(enforced.observed.isEmpty)
    #expect(enforced.verdict != .allow || !enforced.masks.isEmpty)
  }

  @Test(arguments: actions) func policyPasses(action: PolicyRule.Action, verb: PolicyVerb) {
    let watching = policy([], [Self.rule(action, .enforce)], mode: .observe)
    let decision = Sample.decide(
      [Sample.policy([Sample.grant([.read, .write])], name: "q"), watching], write)
    #expect(decision.verdict == .allow && decision.masks.isEmpty)
    #expect(decision.observed == [ObservedRule(policy: "p", rule: "r", verdict: verb)])
  }

  @Test func allowThatObservesAddsNothing() {
    let allow = Self.rule(.allow(.init(effects: .write)))
    let decision = Sample.decide([policy([Sample.grant(.read)], [allow])], write)
    #expect(decision.verdict == .deny)
    #expect(decision.observed == [ObservedRule(policy: "p", rule: "r", verdict: .allow)])
  }

  @Test func grantThatObservesLetsNobodyIn() {
    var grant = Sample.grant([.read, .write])
    grant.mode = .observe
    let set = PolicySet([policy([grant], [])])
    #expect(
      set.entry(Sample.request())
        == .deny(.noGrant, detail: "p/g: it would let in as \"app\", and only observes"))
    var reader = Sample.grant("reader", .read)
    reader.limits.maximumRows = 5
    let decision = Sample.decide([policy([grant, reader], [])], write)
    #expect(decision.verdict == .deny)
    #expect(decision.observed == [ObservedRule(policy: "p", rule: "g", verdict: .allow)])
    let read = Sample.decide([policy([grant, reader], [])], Sample.select)
    #expect(read.rule == "reader" && read.maximumRows == 5 && read.observed.isEmpty)
  }

  @Test func whoIsExemptIsNotObserved() {
    var rule = Self.rule(.deny(.init(effects: .write)))
    rule.except = .init(users: ["alice"])
    let decision = Sample.decide([policy([Sample.grant([.read, .write])], [rule])], write)
    #expect(decision.observed.isEmpty && decision.exemption?.rule == "r")
  }
}
