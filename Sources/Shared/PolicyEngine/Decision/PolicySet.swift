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
    return SessionPolicy(
      set: self, session: session, role: role, enteredAt: request.at,
      grants: applicable.flatMap { document in
        document.grants.filter { $0.role == role && $0.mismatch(session) == nil }
          .map { CompiledGrant(document, $0) }
      },
      rules: applicable.flatMap { document in
        document.rules.filter { $0.mismatch(session) == nil }
          .map { CompiledRule(document, $0, session) }
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

  init(_ document: PolicyDocument, _ grant: PolicyGrant) {
    policy = document.name
    self.grant = grant
    observes = document.mode == .observe || grant.mode == .observe
  }
}

/// A rule of a session.
final class CompiledRule: Sendable {
  let policy: String
  let rule: PolicyRule
  let observes: Bool
  /// Who is exempt; `nil` when nobody of the session is.
  let exempt: String?
  /// Effects without one of which it is about no statement; all where it names none.
  let effects: StatementEffects

  init(_ document: PolicyDocument, _ rule: PolicyRule, _ session: SessionContext) {
    policy = document.name
    self.rule = rule
    observes = document.mode == .observe || rule.mode == .observe
    exempt = rule.exemption(session)
    effects = rule.match?.effects ?? []
  }

  func isAbout(_ facts: StatementFacts, at time: WallTime) -> Bool {
    guard effects.isEmpty || !effects.isDisjoint(with: facts.effects) else { return false }
    return rule.mismatch(facts, at: time) == nil
  }
}
