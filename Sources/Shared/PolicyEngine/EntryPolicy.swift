package import GatewayModel

/// Whether a principal may enter a connection, and as which database role.
package enum GrantEntryDecision: Hashable, Sendable {
  case allow(grant: Grant, role: String)
  case deny(ReasonCode)
}

/// Judges entry by grants: no grant means no entry.
package struct EntryPolicy: Sendable {
  private let grants: [Grant]

  package init(grants: [Grant]) { self.grants = grants }

  /// Judges the entry of `principal` to `connection`.
  ///
  /// - Parameter requestedRole: The database role the client named as its user. When a grant gives
  ///   that role it is taken. A client that names its own subject, or nothing, gets the role of
  ///   the first grant, in the bundle's order. Any other name is refused.
  package func decide(
    principal: Principal, connection: Connection, requestedRole: String?
  ) -> GrantEntryDecision {
    let usable = grants.filter { $0.connection == connection.name && covers($0, principal) }
    guard let first = usable.first else { return .deny(.noGrant) }
    if let requestedRole, let match = usable.first(where: { $0.role == requestedRole }) {
      return .allow(grant: match, role: match.role)
    }
    guard requestedRole == nil || requestedRole == principal.subject || requestedRole == ""
    else { return .deny(.roleNotGranted) }
    return .allow(grant: first, role: first.role)
  }

  private func covers(_ grant: Grant, _ principal: Principal) -> Bool {
    switch grant.to {
    case .principal(let subject): subject == principal.subject
    case .group(let group): principal.groups.contains(group)
    }
  }
}
