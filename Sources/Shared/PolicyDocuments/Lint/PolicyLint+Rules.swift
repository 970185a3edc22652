internal import GatewayModel
internal import PolicyEngine

extension PolicyLint {
  /// Grants and rules that allow, of which denying rules leave nothing.
  func contradictions(_ number: Int) -> [Diagnostic] {
    let scope = policies[number].document.on
    let grants = parts.grants[number].compactMap { placed in
      parts.broad.first { deny in
        deny.match.coversStatements(with: placed.grant.effects)
          && deny.rule.isFor(placed.grant.to) && deny.policy.document.on.covers(scope)
      }.map { deny in
        Diagnostic(
          .error, placed.place,
          "the rule \"\(deny.title)\" refuses all that the grant \"\(placed.grant.name)\" allows",
          remedy: "exempt whom the grant is for, or leave it out (\(deny.place))")
      }
    }
    let allows = parts.rules[number].compactMap { placed -> Diagnostic? in
      guard placed.rule.verb == .allow else { return nil }
      let broad = parts.broad.first { deny in
        deny.match.coversStatements(with: placed.match.effects)
          && deny.rule.isFor(placed.rule.to) && deny.policy.document.on.covers(scope)
      }
      return (broad ?? firstDeny(covering: placed)).map { deny in
        Diagnostic(
          .error, placed.place,
          "the rule \"\(deny.title)\" refuses all that the rule \"\(placed.rule.name)\" allows",
          remedy: "exempt whom it is for, or leave one out (\(deny.place))")
      }
    }
    return grants + allows
  }

  /// Rules that refuse or hold what another refuses whatever they say.
  func unreachable(_ number: Int) -> [Diagnostic] {
    parts.rules[number].compactMap { placed in
      guard !placed.observes, placed.rule.verb == .deny || placed.rule.verb == .hold,
        let covering = firstDeny(covering: placed)
      else { return nil }
      return Diagnostic(
        .error, placed.place,
        """
        the rule "\(placed.rule.name)" never decides: "\(covering.title)" refuses all that it is \
        about
        """,
        remedy: "leave it out, or narrow the other (\(covering.place))")
    }
  }

  /// The first rule that refuses all that another is about.
  private func firstDeny(covering placed: PlacedRule) -> PlacedRule? {
    parts.byName.first(placed.match.keys(for: placed.rule.to)) { number in
      let deny = parts.denies[number]
      // Of two that refuse the first is named; one that holds never gets to hold what is refused.
      return (placed.rule.verb == .deny ? deny.order < placed.order : deny.order != placed.order)
        && deny.match.covers(placed.match) && deny.rule.isFor(placed.rule.to)
        && deny.policy.document.on.covers(placed.policy.document.on)
    }.map { parts.denies[$0] }
  }

  /// Grants that never decide, as one before them covers all that they do. They harm nobody, and are
  /// there when grants are added one by one: a warning.
  func covered(_ number: Int) -> [Diagnostic] {
    parts.grants[number].compactMap { placed in
      guard !placed.observes, let (grants, index) = parts.enforced[placed.grant.role] else {
        return nil
      }
      let covering = index.first(placed.grant.to.keys) { number in
        grants[number].order < placed.order && grants[number].grant.covers(placed.grant)
          && grants[number].policy.document.on.covers(placed.policy.document.on)
      }
      return covering.map { grants[$0] }.map { covering in
        Diagnostic(
          .warning, placed.place,
          """
          the grant "\(placed.grant.name)" never decides: "\(covering.title)" before it covers all \
          that it does, and its limits count
          """,
          remedy: "leave it out, or put it before the other (\(covering.place))")
      }
    }
  }

  /// Masks that hide one column in two ways.
  func masks(_ number: Int) -> [Diagnostic] {
    var found: [Diagnostic] = []
    for later in parts.rules[number] {
      guard !later.observes, case .mask(let mask) = later.rule.action else { continue }
      for earlier in parts.masks.prefix(while: { $0.order < later.order }) {
        guard let column = earlier.contradicted(by: mask) else { continue }
        let (one, other) = (earlier.policy.document.on, later.policy.document.on)
        guard one.covers(other) || other.covers(one),
          earlier.rule.isFor(later.rule.to) || later.rule.isFor(earlier.rule.to),
          case .mask(let first) = earlier.rule.action
        else { continue }
        found.append(
          Diagnostic(
            .error, later.place,
            """
            the rule "\(later.rule.name)" masks \(column.text) with "\(mask.with)", and \
            "\(earlier.title)" with "\(first.with)"
            """,
            remedy: "mask each column in one way (\(earlier.place))"))
      }
    }
    return found
  }

  /// Rules that refuse effects by name, where a grant lets statements through whose effects are not
  /// known.
  func unknown(_ number: Int) -> [Diagnostic] {
    let policy = policies[number]
    guard policy.document.mode == .enforce,
      policy.document.grants.contains(where: { $0.effects.contains(.unknown) }),
      !parts.denies.contains(where: { deny in
        deny.match.effects.contains(.unknown) && deny.policy.document.on.covers(policy.document.on)
      })
    else { return [] }
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

extension PlacedRule {
  /// The first column of a mask that this one hides in another way.
  fileprivate func contradicted(by other: ColumnMask) -> ColumnPattern? {
    guard case .mask(let mask) = rule.action, mask.with != other.with else { return nil }
    return other.columns.first { column in
      mask.columns.contains { $0.covers(column) || column.covers($0) }
    }
  }
}
