internal import GatewayModel
internal import PolicyEngine

/// A rule with where it stands in the set.
private struct PlacedRule {
  var policy: LocatedPolicy
  var rule: PolicyRule
  var place: SourcePlace
  var observes: Bool

  var title: String { "\(policy.document.name)/\(rule.name)" }
}

extension PolicyLint {
  private var rules: [PlacedRule] {
    policies.flatMap { policy in
      zip(policy.document.rules, policy.rules).map { rule, place in
        PlacedRule(
          policy: policy, rule: rule, place: place,
          observes: policy.document.mode == .observe || rule.mode == .observe)
      }
    }
  }

  private var denies: [(placed: PlacedRule, match: StatementMatch)] {
    rules.compactMap { placed in
      guard case .deny(let match) = placed.rule.action, !placed.observes else { return nil }
      return (placed, match)
    }
  }

  /// Grants and rules that allow, of which denying rules leave nothing.
  func contradictions(_ policy: LocatedPolicy) -> [Diagnostic] {
    let denies = denies.filter { $0.placed.policy.document.on.covers(policy.document.on) }
    let grants = zip(policy.document.grants, policy.grants).compactMap { grant, place in
      denies.first { deny in
        deny.placed.rule.isFor(grant.to) && deny.match.coversStatements(with: grant.effects)
      }.map { deny in
        Diagnostic(
          .error, place,
          "the rule \"\(deny.placed.title)\" refuses all that the grant \"\(grant.name)\" allows",
          remedy: "exempt whom the grant is for, or leave it out (\(deny.placed.place))")
      }
    }
    let allows = zip(policy.document.rules, policy.rules).compactMap {
      rule, place -> Diagnostic? in
      guard case .allow(let match) = rule.action else { return nil }
      return denies.first { deny in
        deny.placed.rule.isFor(rule.to)
          && (deny.match.covers(match) || deny.match.coversStatements(with: match.effects))
      }.map { deny in
        Diagnostic(
          .error, place,
          "the rule \"\(deny.placed.title)\" refuses all that the rule \"\(rule.name)\" allows",
          remedy: "exempt whom it is for, or leave one out (\(deny.placed.place))")
      }
    }
    return grants + allows
  }

  /// Rules that refuse or hold what another refuses whatever they say.
  func unreachable(_ policy: LocatedPolicy) -> [Diagnostic] {
    var found: [Diagnostic] = []
    for placed in rules {
      guard placed.policy.place == policy.place, !placed.observes, let match = placed.rule.match,
        placed.rule.verb == .deny || placed.rule.verb == .hold
      else { continue }
      let covering = denies.first { deny in
        guard deny.placed.place != placed.place else { return false }
        // Of two that refuse the first is named; one that holds never gets to hold what is refused.
        return (placed.rule.verb == .hold || isBefore(deny.placed, placed))
          && deny.placed.policy.document.on.covers(policy.document.on)
          && deny.placed.rule.isFor(placed.rule.to) && deny.match.covers(match)
      }
      guard let covering else { continue }
      found.append(
        Diagnostic(
          .warning, placed.place,
          """
          the rule "\(placed.rule.name)" never decides: "\(covering.placed.title)" refuses all that \
          it is about
          """,
          remedy: "leave it out, or narrow the other (\(covering.placed.place))"))
    }
    return found
  }

  private func isBefore(_ left: PlacedRule, _ right: PlacedRule) -> Bool {
    let places = rules.map(\.place)
    guard let first = places.firstIndex(of: left.place),
      let second = places.firstIndex(of: right.place)
    else { return false }
    return first < second
  }

  /// Masks that hide one column in two ways.
  func masks(_ policy: LocatedPolicy) -> [Diagnostic] {
    let masks = rules.compactMap { placed -> (placed: PlacedRule, mask: ColumnMask)? in
      guard case .mask(let mask) = placed.rule.action, !placed.observes else { return nil }
      return (placed, mask)
    }
    var found: [Diagnostic] = []
    for (index, later) in masks.enumerated() where later.placed.policy.place == policy.place {
      for earlier in masks[..<index] where earlier.mask.with != later.mask.with {
        let (one, other) = (earlier.placed, later.placed)
        let meet =
          one.policy.document.on.covers(other.policy.document.on)
          || other.policy.document.on.covers(one.policy.document.on)
        guard meet, one.rule.isFor(other.rule.to) || other.rule.isFor(one.rule.to),
          let column = later.mask.columns.first(where: { column in
            earlier.mask.columns.contains { $0.covers(column) || column.covers($0) }
          })
        else { continue }
        found.append(
          Diagnostic(
            .error, other.place,
            """
            the rule "\(other.rule.name)" masks \(column.text) with "\(later.mask.with)", and \
            "\(one.title)" with "\(earlier.mask.with)"
            """,
            remedy: "mask each column in one way (\(one.place))"))
      }
    }
    return found
  }

  /// Rules that refuse effects by name, where a grant lets statements through whose effects are not
  /// known.
  func unknown(_ policy: LocatedPolicy) -> [Diagnostic] {
    guard policy.document.mode == .enforce else { return [] }
    let coversUnknown = denies.contains { deny in
      deny.match.effects.contains(.unknown)
        && deny.placed.policy.document.on.covers(policy.document.on)
    }
    guard !coversUnknown else { return [] }
    return zip(policy.document.rules, policy.rules).compactMap { rule, place in
      guard case .deny(let match) = rule.action, rule.mode == .enforce, !match.effects.isEmpty,
        !match.effects.subtracting([.read, .lock]).subtracting(StatementEffect.always).isEmpty,
        let grant = policy.document.grants.first(where: {
          $0.mode == .enforce && $0.effects.contains(.unknown)
            && !(rule.except?.covers($0.to) ?? false) && (rule.to == nil || rule.to == $0.to)
        })
      else { return nil }
      return Diagnostic(
        .warning, place,
        """
        the rule "\(rule.name)" refuses effects, and by the grant "\(grant.name)" a DO or CALL can \
        have them unseen
        """,
        remedy: "add unknown to the effects that the rule refuses, or take it from the grant")
    }
  }
}
