package struct GrantDraft: Codable, Sendable, Equatable {
  /// Made from the others when absent.
  package var name: String?
  /// Exactly one of `principal` and `group`.
  package var principal: String?
  package var group: String?
  package var connection: String
  package var role: String

  package init(
    name: String?, principal: String?, group: String?, connection: String, role: String
  ) {
    self.name = name
    self.principal = principal
    self.group = group
    self.connection = connection
    self.role = role
  }
}

package struct GrantInfo: Codable, Sendable, Equatable {
  package var name: String
  package var principal: String?
  package var group: String?
  package var connection: String
  package var role: String
  package var createdAt: String

  package init(
    name: String, principal: String?, group: String?, connection: String, role: String,
    createdAt: String
  ) {
    self.name = name
    self.principal = principal
    self.group = group
    self.connection = connection
    self.role = role
    self.createdAt = createdAt
  }
}
