internal import GatewayModel

/// All policies, in their order.
package struct PolicySet: Sendable {
  package let documents: [PolicyDocument]

  package init(_ documents: [PolicyDocument]) { self.documents = documents }

  /// Judges an entry: the first grant that enforces, is about the request and gives the role lets in.
  ///
  /// When a grant gives the role that the client names, it is taken. A client that names its own
  /// subject, or nothing, gets the role of the first grant. Any other name is refused.
  package func entry(_ request: EntryRequest) -> EntryDecision {
    let session = SessionContext(request)
    let usable = grants(session).filter { $0.grant.isOpen(request.at) }
    guard let first = usable.first else {
      return .deny(.noGrant, detail: EntryRefusal(self, request, session).detail)
    }
    if let role = request.requestedRole, let match = usable.first(where: { $0.grant.role == role })
    {
      return .allow(policy: match.policy, grant: match.grant.name, role: role)
    }
    guard request.namesNoRole else {
      let roles = Set(usable.map(\.grant.role)).sorted().prefix(8)
      return .deny(
        .roleNotGranted,
        detail: """
          the role \(request.requestedRole?.quoted ?? "") is granted to it by no policy at this \
          moment; granted: \(roles.joined(separator: ", "))
          """)
    }
    return .allow(policy: first.policy, grant: first.grant.name, role: first.grant.role)
  }

  /// What concerns one session, compiled.
  ///
  /// - Parameter role: As ``entry(_:)`` gave it.
  package func session(_ request: EntryRequest, role: String) -> SessionPolicy {
    let session = SessionContext(request)
    let applicable = documents.filter { $0.on.mismatch(session) == nil }
    let grants = applicable.flatMap { document in
      document.grants.filter { $0.role == role && $0.mismatch(session) == nil }
        .map { CompiledGrant(document, $0) }
    }
    let readers = grants.readers
    return SessionPolicy(
      set: self, session: session, role: role, enteredAt: request.at, grants: grants,
      rules: applicable.flatMap { document in
        document.rules.filter { $0.mismatch(session) == nil }
          .map { CompiledRule(document, $0, session, trusting: readers) }
      })
  }

  /// The grants that enforce and are about a session, whatever the time and the role.
  private func grants(_ session: SessionContext) -> [(policy: String, grant: PolicyGrant)] {
    documents.flatMap { document -> [(policy: String, grant: PolicyGrant)] in
      guard document.mode == .enforce, document.on.mismatch(session) == nil else { return [] }
      return document.grants.filter { $0.mode == .enforce && $0.mismatch(session) == nil }
        .map { (document.name, $0) }
    }
  }
}

extension EntryRequest {
  /// Whether the client leaves the role to policy.
  var namesNoRole: Bool {
    requestedRole == nil || requestedRole == "" || requestedRole == principal.subject
  }
}

/// A grant of a session; a class, so that going over many copies nothing.
final class CompiledGrant: Sendable {
  let policy: String
  let grant: PolicyGrant
  let observes: Bool
  /// What it covers without rules that add to it; `nil` where that depends on functions.
  private let effects: StatementEffects?

  init(_ document: PolicyDocument, _ grant: PolicyGrant) {
    policy = document.name
    self.grant = grant
    observes = document.mode == .observe || grant.mode == .observe
    effects = grant.functions.isEmpty ? PolicyGrant.withImplied(grant.effects) : nil
  }

  /// What keeps it from covering a statement; see ``PolicyGrant/gap(_:adding:at:)``.
  func gap(
    _ facts: StatementFacts, adding added: StatementEffects, at time: WallTime
  ) -> CoverageGap? {
    // Most grants are passed over for their effects, which is told without a copy of the grant.
    if let effects, added.rawValue == 0 {
      let needed = facts.effects.rawValue & ~StatementEffect.always.rawValue
      let missing = needed & ~effects.rawValue
      if missing != 0 { return .effects(StatementEffects(rawValue: missing)) }
    }
    return grant.gap(facts, adding: added, at: time)
  }
}

extension [CompiledGrant] {
  /// The functions that a session may call as ones that do nothing but read.
  var readers: [TablePattern] { filter { !$0.observes }.flatMap(\.grant.functions) }
}

/// A rule of a session.
final class CompiledRule: Sendable {
  let policy: String
  let rule: PolicyRule
  let observes: Bool
  /// Who is exempt; `nil` when nobody of the session is.
  let exempt: String?
  // Taken out of the rule's action, which would be copied for every statement.
  private let match: CompiledMatch
  private let mask: ColumnMask?
  private let certainty: Certainty

  init(
    _ document: PolicyDocument, _ rule: PolicyRule, _ session: SessionContext,
    trusting readers: [TablePattern]
  ) {
    policy = document.name
    self.rule = rule
    observes = document.mode == .observe || rule.mode == .observe
    exempt = rule.exemption(session)
    match = CompiledMatch(rule.match ?? StatementMatch(), trusting: readers)
    certainty = rule.certainty
    if case .mask(let mask) = rule.action { self.mask = mask } else { mask = nil }
  }

  func isAbout(_ facts: StatementFacts, at time: WallTime) -> Bool {
    if let mask { return mask.mayShow(facts) }
    return match.mismatch(facts, at: time, certainty) == nil
  }
}
