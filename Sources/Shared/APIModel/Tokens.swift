package struct TokenRequest: Codable, Sendable, Equatable {
  package var subject: String
  package var displayName: String?
  package var groups: [String]
  /// `user`, `service` or `ai_agent`.
  package var kind: String
  /// The names of the connections the token is good for; at least one.
  package var connections: [String]
  package var lifetimeSeconds: Int

  package init(
    subject: String, displayName: String?, groups: [String], kind: String,
    connections: [String], lifetimeSeconds: Int
  ) {
    self.subject = subject
    self.displayName = displayName
    self.groups = groups
    self.kind = kind
    self.connections = connections
    self.lifetimeSeconds = lifetimeSeconds
  }
}

package struct IssuedToken: Codable, Sendable {
  /// The JWT.
  package var token: String
  package var id: String
  package var expiresAt: String

  package init(token: String, id: String, expiresAt: String) {
    self.token = token
    self.id = id
    self.expiresAt = expiresAt
  }
}
