import GatewayModel
import Testing

@testable import PolicyEngine

/// What statements a grant covers, and whom it lets in.
@Suite struct GrantTests {
  private func verdict(_ grant: PolicyGrant, _ facts: StatementFacts) -> PolicyDecision.Verdict {
    Sample.decide([Sample.policy([grant])], facts).verdict
  }

  @Test func tablesHaveToMatchAllAndSurely() {
    let grant = Sample.grant(EffectList.all, tables: ["public.*", "app.x"])
    #expect(verdict(grant, Sample.facts(.read, reads: ["public.a", "app.x"])) == .allow)
    #expect(verdict(grant, Sample.facts(.read)) == .allow)
    #expect(verdict(grant, Sample.facts(.read, reads: ["a"])) == .deny)
    #expect(verdict(grant, Sample.facts(.read, reads: ["public.a", "app.y"])) == .deny)
    #expect(verdict(grant, Sample.facts(.write, writes: ["app.y"])) == .deny)
  }

  @Test(arguments: [
    Sample.facts(.unknown, ["DO"], opacity: .code), Sample.facts(.ddl, ["DROP SCHEMA"]),
    Sample.facts(.ddl, ["DROP TABLE", "DROP SCHEMA"], other: ["public.a"]),
    Sample.facts(.maintenance, ["VACUUM"]), Sample.facts(.privilege, ["GRANT"]),
    Sample.facts([.read, .unknown], ["SELECT"], functions: ["f"]),
  ])
  func grantOfTablesDoesNotCoverWhatReachesOthers(facts: StatementFacts) {
    #expect(verdict(Sample.grant(EffectList.all, tables: ["public.*"]), facts) == .deny)
    #expect(verdict(Sample.grant(EffectList.all), facts) == .allow)
  }

  @Test func ddlOfNamedTablesIsCovered() {
    let grant = Sample.grant([.read, .ddl], tables: ["public.*"])
    #expect(verdict(grant, Sample.facts(.ddl, ["CREATE TABLE"], other: ["public.a"])) == .allow)
    #expect(verdict(grant, Sample.facts(.ddl, ["CREATE TABLE"], other: ["a"])) == .deny)
  }

  @Test func functionsThatAreListedOnlyRead() {
    let call = Sample.facts([.read, .unknown], ["SELECT"], functions: ["st_area"], known: ["now"])
    #expect(verdict(Sample.grant(.read), call) == .deny)
    #expect(verdict(Sample.grant(.read, functions: ["st_*"]), call) == .allow)
    #expect(verdict(Sample.grant(.write, functions: ["st_*"]), call) == .deny)
    #expect(verdict(Sample.grant(.read, functions: ["gis.st_*"]), call) == .deny)
    let two = Sample.facts([.read, .unknown], functions: ["st_area", "evil"])
    #expect(verdict(Sample.grant(.read, functions: ["st_*"]), two) == .deny)
    let code = Sample.facts([.read, .unknown], ["DO"], functions: ["st_area"], opacity: .code)
    #expect(verdict(Sample.grant(.read, functions: ["*"]), code) == .deny)
  }

  @Test func entryIsByTheFirstGrantThatIsUsable() {
    let set = PolicySet([
      Sample.policy(
        [
          Sample.grant("bob", to: .init(users: ["bob"]), .read),
          Sample.grant("read", to: .init(groups: ["analysts"]), role: "ro", .read),
          Sample.grant("write", to: .init(users: ["alice"]), role: "rw", .write),
        ], name: "p")
    ])
    let alice = Sample.request(groups: ["analysts"])
    #expect(set.entry(alice) == .allow(policy: "p", grant: "read", role: "ro"))
    for role in ["", "alice"] {
      #expect(
        set.entry(Sample.request(groups: ["analysts"], role: role))
          == .allow(policy: "p", grant: "read", role: "ro"))
    }
    #expect(
      set.entry(Sample.request(groups: ["analysts"], role: "rw"))
        == .allow(policy: "p", grant: "write", role: "rw"))
    guard
      case .deny(.roleNotGranted, let detail) = set.entry(
        Sample.request(groups: ["analysts"], role: "postgres"))
    else {
      Issue.record("postgres was granted")
      return
    }
    #expect(detail.contains("granted: ro, rw"))
    guard case .deny(.noGrant, let why) = set.entry(Sample.request("carol")) else {
      Issue.record("carol was let in")
      return
    }
    #expect(why.contains("p/bob: user \"carol\" in no group is none of user bob"))
  }

  struct Who: Sendable, CustomTestStringConvertible {
    let name: String
    let selector: PrincipalSelector
    let request: EntryRequest
    let grants: Bool
    let denies: Bool
    var testDescription: String { name }
  }

  static let who: [Who] = [
    Who("user", .init(users: ["al*"]), Sample.request(), true, true),
    Who(
      "service of that name", .init(users: ["alice"]), Sample.request(kind: .service), false,
      false),
    Who("service", .init(services: ["alice"]), Sample.request(kind: .service), true, true),
    Who("agent", .init(agents: ["alice"]), Sample.request(kind: .aiAgent), true, true),
    Who("subject", .init(subjects: ["alice"]), Sample.request(kind: .service), true, true),
    Who("group", .init(groups: ["d*"]), Sample.request(groups: ["x", "dba"]), true, true),
    Who("no group", .init(groups: ["dba"]), Sample.request("dba"), false, false),
    Who(
      "one of", .init(users: ["bob"], groups: ["dba"]), Sample.request(groups: ["dba"]), true,
      true),
    Who("kind alone", .init(kinds: [.user]), Sample.request(), true, true),
    Who(
      "name and kind", .init(users: ["alice"], kinds: [.aiAgent]), Sample.request(), false,
      false),
    Who("kind of the actor", .init(users: ["alice"], kinds: [.aiAgent]), delegated, true, true),
    Who("hop", .init(agents: ["bot"]), delegated, false, true),
    Who("middle", .init(services: ["svc"]), delegated, false, true),
    Who("nobody", .init(), Sample.request(), false, true),
    Who("case counts", .init(users: ["Alice"]), Sample.request(), false, false),
    Who("accents count", .init(users: ["caf\u{E9}"]), Sample.request("cafe\u{301}"), false, false),
    Who("look-alike", .init(users: ["K"]), Sample.request("\u{212A}"), false, false),
  ]

  private static let delegated = Sample.request(
    actors: [("bot", .aiAgent), ("svc", .service), ("alice", .user)])

  @Test(arguments: who) func grantsAreForWhomTheySelect(who: Who) {
    let set = PolicySet([Sample.policy([Sample.grant(to: who.selector, .read)])])
    let isIn = if case .allow = set.entry(who.request) { true } else { false }
    #expect(isIn == who.grants)
  }

  @Test(arguments: who) func rulesAreForWhomTheySelect(who: Who) {
    var rule = Sample.deny(.init(effects: .read))
    rule.to = who.selector
    let documents = [Sample.policy([Sample.grant(.read)], [rule])]
    #expect(
      (Sample.decide(documents, Sample.select, who.request).verdict == .deny) == who.denies)
  }

  /// Who is exempt is allowed something: it takes the principal, not a hop.
  @Test(arguments: who.filter { $0.name != "nobody" })
  func exemptionsAreForWhomTheySelect(who: Who) {
    var rule = Sample.deny(.init(effects: .read))
    rule.except = who.selector
    let documents = [Sample.policy([Sample.grant(.read)], [rule])]
    let decision = Sample.decide(documents, Sample.select, who.request)
    #expect((decision.verdict == .allow) == who.grants)
    #expect((decision.exemption != nil) == who.grants)
  }

  @Test func firstExemptionIsNamed() {
    var rules = ["a", "b"].map { Sample.deny($0, .init(effects: .read)) }
    for index in rules.indices { rules[index].except = .init(groups: ["dba"]) }
    rules.insert(Sample.deny("c", .init(effects: .write)), at: 0)
    rules[0].except = .init(groups: ["dba"])
    let decision = Sample.decide(
      [Sample.policy([Sample.grant(.read)], rules)], Sample.select, Sample.request(groups: ["dba"]))
    #expect(
      decision.exemption == AppliedExemption(policy: "p", rule: "a", exempt: "group dba"))
  }

  @Test(arguments: [(0, 1, false), (1, 2, false), (2, 3, false), (2, 4, false)])
  func depthIsLimited(maximum: Int, actors: Int, unused: Bool) {
    var grant = Sample.grant(.read)
    grant.maximumDepth = maximum
    let chain = (0..<actors).map { ("a\($0)", Principal.Kind.aiAgent) }
    let decision = PolicySet([Sample.policy([grant])]).entry(Sample.request(actors: chain))
    let isIn = if case .allow = decision { true } else { false }
    #expect(isIn == (actors - 1 <= maximum))
  }

  @Test func policiesAreAboutTheirConnections() {
    var policy = Sample.policy([Sample.grant(.read)])
    policy.on = ConnectionScope(connections: ["billing-*", "orders"], labels: ["env": "p*"])
    func isIn(_ connection: String, _ labels: [String: String]) -> Bool {
      if case .allow = PolicySet([policy]).entry(
        Sample.request(connection: connection, labels: labels))
      {
        true
      } else {
        false
      }
    }
    #expect(isIn("orders", ["env": "prod"]))
    #expect(isIn("billing-eu", ["env": "prod", "x": "y"]))
    #expect(!isIn("billing", ["env": "prod"]))
    #expect(!isIn("orders", ["env": "dev"]))
    #expect(!isIn("orders", [:]))
  }

  @Test func limitsAreThoseOfTheGrantThatLetsIn() {
    var night = Sample.grant("night", .read)
    night.when.times = ["22:00-06:00"]
    night.limits.maximumSessions = 1
    var day = Sample.grant("day", .read)
    day.limits.maximumSessions = 2
    var other = Sample.grant("other", role: "x", .read)
    other.limits.maximumSessions = 3
    let set = PolicySet([Sample.policy([other, night, day])])
    #expect(set.session(Sample.request(), role: "app").limits.maximumSessions == 2)
    let late = Sample.request(at: Sample.time(11))
    #expect(set.session(late, role: "app").limits.maximumSessions == 1)
    #expect(set.session(late, role: "x").limits.maximumSessions == 3)
  }

  @Test func readOnlyIsWhatNothingAllowsToWrite() {
    func isReadOnly(_ grants: [PolicyGrant], _ rules: [PolicyRule] = []) -> Bool {
      PolicySet([Sample.policy(grants, rules)]).session(Sample.request(), role: "app").isReadOnly
    }
    #expect(isReadOnly([Sample.grant(.read)]))
    #expect(!isReadOnly([Sample.grant(.read), Sample.grant("w", [.read, .lock])]))
    #expect(isReadOnly([Sample.grant(.read), Sample.grant("w", role: "other", .write)]))
    var observed = Sample.grant("w", .write)
    observed.mode = .observe
    #expect(isReadOnly([Sample.grant(.read), observed]))
    var night = Sample.grant("n", .write)
    night.when.times = ["00:00-01:00"]
    #expect(!isReadOnly([Sample.grant(.read), night]))
    var allow = PolicyRule(name: "a", action: .allow(.init(effects: .session)))
    #expect(!isReadOnly([Sample.grant(.read)], [allow]))
    allow.to = .init(groups: ["dba"])
    #expect(isReadOnly([Sample.grant(.read)], [allow]))
  }
}

extension GrantTests.Who {
  init(
    _ name: String, _ selector: PrincipalSelector, _ request: EntryRequest, _ grants: Bool,
    _ denies: Bool
  ) {
    self.init(name: name, selector: selector, request: request, grants: grants, denies: denies)
  }
}
