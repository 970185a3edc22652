internal import GatewayModel
internal import PolicyEngine

/// A rule with where it stands in the set.
///
/// A class, and not the rule itself: each is compared with many, and its lists would be taken hold of
/// for each of them.
final class PlacedRule: Sendable {
  let policy: LocatedPolicy
  let rule: PolicyRule
  let place: SourcePlace
  let observes: Bool
  /// Of what it denies, holds or allows.
  let match: StatementMatch
  /// Its number in the set.
  let order: Int

  init(_ policy: LocatedPolicy, _ rule: PolicyRule, _ place: SourcePlace, order: Int) {
    self.policy = policy
    self.rule = rule
    self.place = place
    self.order = order
    observes = policy.document.mode == .observe || rule.mode == .observe
    match = rule.match ?? StatementMatch()
  }

  var title: String { "\(policy.document.name)/\(rule.name)" }
}

/// A grant with where it stands in the set.
final class PlacedGrant: Sendable {
  let policy: LocatedPolicy
  let grant: PolicyGrant
  let place: SourcePlace
  let observes: Bool
  /// Its number in the set.
  let order: Int

  init(_ policy: LocatedPolicy, _ grant: PolicyGrant, _ place: SourcePlace, order: Int) {
    self.policy = policy
    self.grant = grant
    self.place = place
    self.order = order
    observes = policy.document.mode == .observe || grant.mode == .observe
  }

  var title: String { "\(policy.document.name)/\(grant.name)" }
}

/// The rules and grants of a set, filed so that each is compared with few.
struct PlacedParts: Sendable {
  /// Of each policy, in its order.
  let rules: [[PlacedRule]]
  let grants: [[PlacedGrant]]
  /// Those that refuse and enforce, of all policies.
  let denies: [PlacedRule]
  let masks: [PlacedRule]
  /// Of ``denies``, those that refuse by effects alone, or everything.
  let broad: [PlacedRule]
  /// Of ``denies`` by their numbers there.
  let byName: NameIndex
  /// Those that enforce, of all policies, by role.
  let enforced: [String: (grants: [PlacedGrant], byName: NameIndex)]

  init(_ policies: [LocatedPolicy]) {
    var order = 0
    rules = policies.map { policy in
      zip(policy.document.rules, policy.rules).map { rule, place in
        order += 1
        return PlacedRule(policy, rule, place, order: order)
      }
    }
    grants = policies.map { policy in
      zip(policy.document.grants, policy.grants).map { grant, place in
        order += 1
        return PlacedGrant(policy, grant, place, order: order)
      }
    }
    let all = rules.joined().filter { !$0.observes }
    denies = all.filter { $0.rule.verb == .deny }
    masks = all.filter { $0.rule.verb == .mask }
    broad = denies.filter { $0.match.isBroad }
    var index = NameIndex()
    for (number, deny) in denies.enumerated() {
      deny.match.file(number, for: deny.rule.to, in: &index)
    }
    byName = index
    enforced = Dictionary(grouping: grants.joined().filter { !$0.observes }, by: \.grant.role)
      .mapValues { grants in
        var index = NameIndex()
        for (number, placed) in grants.enumerated() { placed.grant.to.file(number, in: &index) }
        return (grants, index)
      }
  }
}
