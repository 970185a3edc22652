import GatewayModel
import Testing

@testable import PolicyEngine

/// The order in which grants and rules decide.
@Suite struct DecisionTests {
  private let everything = Sample.grant(EffectList.all)

  @Test func nothingIsAllowedWithoutAGrant() {
    let decision = Sample.decide([Sample.policy([])], Sample.select)
    #expect(decision.verdict == .deny)
    #expect(decision.policy.isEmpty && decision.rule.isEmpty)
    #expect(
      decision.message == "No grant allows this statement: no grant is there for this session.")
  }

  @Test func effectsThatNoGrantNamesAreRefusedByName() {
    let decision = Sample.decide([Sample.policy([Sample.grant(.read)])], Sample.delete)
    #expect(decision.verdict == .deny)
    #expect(decision.message == "No grant allows this statement: it needs the effect write.")
  }

  @Test(arguments: [StatementEffects.transaction, .setting, [], [.read, .transaction]])
  func whatEverySessionHasNeedsNoGrantOfItsOwn(effects: StatementEffects) {
    let decision = Sample.decide([Sample.policy([Sample.grant(.read)])], Sample.facts(effects))
    #expect(decision.verdict == .allow)
    #expect((decision.policy, decision.rule) == ("p", "g"))
  }

  @Test func denyBeatsHoldAndHoldBeatsAllow() {
    let deny = Sample.deny(.init(effects: .write))
    let hold = PolicyRule(
      name: "h", action: .hold(.init(effects: .write), HoldTerms(wait: "15m")))
    let held = Sample.decide([Sample.policy([everything], [hold])], Sample.delete)
    #expect(held.verdict == .hold && held.rule == "h" && held.hold?.wait == "15m")
    let both = Sample.decide([Sample.policy([everything], [hold, deny])], Sample.delete)
    #expect(both.verdict == .deny && both.rule == "d" && both.hold == nil)
  }

  @Test func holdDoesNotLetThroughWhatNoGrantCovers() {
    let hold = PolicyRule(name: "h", action: .hold(.init(effects: .write), HoldTerms()))
    let decision = Sample.decide([Sample.policy([Sample.grant(.read)], [hold])], Sample.delete)
    #expect(decision.verdict == .deny && decision.rule.isEmpty)
  }

  @Test func firstMatchingRuleOfAKindIsNamed() {
    let rules = [
      Sample.deny("none", .init(effects: .ddl)), Sample.deny("first", .init(effects: .write)),
      Sample.deny("second", .init(effects: .write)),
    ]
    #expect(Sample.decide([Sample.policy([everything], rules)], Sample.delete).rule == "first")
  }

  @Test func denyOfALaterPolicyBeatsAGrantOfAnEarlier() {
    let decision = Sample.decide(
      [
        Sample.policy([everything]),
        Sample.policy([], [Sample.deny(.init(effects: .write))], name: "q"),
      ], Sample.delete)
    #expect(decision.verdict == .deny && decision.policy == "q")
  }

  @Test func oneGrantHasToCoverAllEffects() {
    let two = [Sample.grant("r", .read), Sample.grant("w", .write)]
    let both = Sample.facts([.read, .write])
    #expect(Sample.decide([Sample.policy(two)], both).verdict == .deny)
    #expect(Sample.decide([Sample.policy(two)], Sample.facts(.write)).rule == "w")
  }

  @Test func writeCoversLockAndReadDoesNot() {
    let lock = Sample.facts([.read, .lock])
    #expect(
      Sample.decide([Sample.policy([Sample.grant([.read, .write])])], lock).verdict == .allow)
    #expect(Sample.decide([Sample.policy([Sample.grant(.read)])], lock).verdict == .deny)
  }

  @Test func allCoversEveryEffectButSession() {
    for effect in StatementEffect.allCases {
      let decision = Sample.decide([Sample.policy([everything])], Sample.facts(.init(effect)))
      #expect(decision.verdict == (effect == .session ? .deny : .allow), "\(effect)")
    }
  }

  @Test func allowAddsItsEffectsToGrants() {
    let allow = PolicyRule(
      name: "a", action: .allow(.init(effects: .session, commands: ["SET ROLE"])))
    let policy = [Sample.policy([Sample.grant(.read)], [allow])]
    let set = Sample.facts(.session, ["SET ROLE"])
    let decision = Sample.decide(policy, set)
    #expect(decision.verdict == .allow && decision.rule == "g")
    #expect(Sample.decide(policy, Sample.facts(.session, ["DISCARD"])).verdict == .deny)
    let other = Sample.facts([.session, .ddl], ["SET ROLE", "DROP TABLE"])
    #expect(Sample.decide(policy, other).verdict == .deny)
  }

  @Test func allowWithoutAGrantAllowsNothing() {
    let allow = PolicyRule(name: "a", action: .allow(.init(effects: .read)))
    #expect(Sample.decide([Sample.policy([], [allow])], Sample.select).verdict == .deny)
  }

  @Test func masksAddUpInOrder() {
    func mask(_ name: String, _ column: ColumnPattern) -> PolicyRule {
      PolicyRule(name: name, action: .mask(ColumnMask(columns: [column], with: name)))
    }
    let rules = [mask("one", "public.orders.a"), mask("two", "b"), mask("three", "public.x.a")]
    let facts = Sample.facts(.read, reads: ["orders"], columns: ["o.a", "b"])
    let decision = Sample.decide([Sample.policy([everything], rules)], facts)
    #expect(decision.masks.map(\.rule) == ["one", "two"])
    #expect(Sample.decide([Sample.policy([everything], rules)], Sample.code).masks.count == 3)
  }

  @Test func rowsAreThoseOfTheGrantThatAllows() {
    var small = Sample.grant("small", .read, tables: ["public.orders"])
    small.limits.maximumRows = 10
    let policy = [Sample.policy([small, Sample.grant("large", .read)])]
    #expect(Sample.decide(policy, Sample.select).maximumRows == 10)
    let other = Sample.decide(policy, Sample.facts(.read, reads: ["public.x"]))
    #expect(other.maximumRows == nil && other.rule == "large")
  }

  static let fixed: [(String, StatementEffects, String, Bool)] = [
    ("SET", .setting, "statement_timeout", false), ("RESET", .setting, "*", true),
    ("SET", .setting, "idle_in_transaction_session_timeout", true),
    ("SET", .setting, "search_path", true),
    // What sets a name that is not told can set the one that is fixed.
    ("SELECT", [.read, .session], "*", false), ("UPDATE", [.write, .session], "*", false),
    ("DISCARD", [.session, .setting, .ddl], "*", true), ("SET", .session, "role", true),
  ]

  @Test(arguments: fixed)
  func settingsThatLimitsRelyOnAreFixed(
    command: String, effects: StatementEffects, setting: String, isAllowed: Bool
  ) {
    var grant = Sample.grant(StatementEffects(StatementEffect.allCases))
    grant.limits.statementTimeout = "15s"
    let facts = Sample.facts(effects, [command], settings: [setting])
    let decision = Sample.decide([Sample.policy([grant])], facts)
    #expect((decision.verdict == .allow) == isAllowed)
    if !isAllowed { #expect(decision.message.contains("statement_timeout is fixed by the grant")) }
    // With another command a name can be one that is not told.
    let two = Sample.facts(effects, [command, "SELECT"], settings: [setting])
    let isKnown = !effects.contains(.session) || setting != "*"
    #expect(
      (Sample.decide([Sample.policy([grant])], two).verdict == .allow) == (isAllowed && isKnown))
  }

  @Test func messageAndHintAreTheRules() {
    var rule = Sample.deny(.init(effects: .write))
    #expect(
      Sample.decide([Sample.policy([everything], [rule])], Sample.delete).message
        == "Refused by the rule \"d\" of the policy \"p\".")
    (rule.message, rule.hint) = ("No.", "Ask.")
    let decision = Sample.decide([Sample.policy([everything], [rule])], Sample.delete)
    #expect(decision.message == "No." && decision.hint == "Ask.")
  }
}
