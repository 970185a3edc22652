package import GatewayModel

extension PolicyDocument {
  /// What the name of a document begins with that stands for one grant.
  package static let grantPrefix = "grant-"

  /// The document that says the same as one grant; its name is ``grantPrefix`` and the grant's.
  ///
  /// - Throws: ``PatternFailure`` when whom it is for, or the connection, cannot be a pattern. A star
  ///   would stand for any characters.
  package init(_ grant: Grant) throws(PatternFailure) {
    var to = PrincipalSelector()
    switch grant.to {
    case .principal(let subject): to.subjects = [try .one(subject)]
    case .group(let group): to.groups = [try .one(group)]
    }
    self.init(
      name: Self.grantPrefix + grant.name,
      on: ConnectionScope(connections: [try .one(grant.connection)]),
      grants: [
        PolicyGrant(name: grant.name, to: to, role: grant.role, effects: grant.effects)
      ])
  }
}

extension NamePattern {
  fileprivate static func one(_ name: String) throws(PatternFailure) -> NamePattern {
    guard !name.contains("*") else {
      throw PatternFailure(
        "\"\(name)\" has a star, which stands for any characters in a policy",
        remedy: "write a policy document for it and apply that")
    }
    return try NamePattern(text: name)
  }
}
