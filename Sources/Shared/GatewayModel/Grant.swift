/// The permission of a principal or a group to enter a connection as a database role: what `grants
/// add` makes a policy document of.
package struct Grant: Hashable, Sendable {
  /// Whom a grant is for.
  package enum Grantee: Hashable, Sendable {
    /// The subject of a verified principal.
    case principal(String)
    case group(String)
  }

  package var name: String
  package var to: Grantee
  /// The name of the connection.
  package var connection: String
  /// The database role the session runs as.
  package var role: String

  /// What the session may do.
  package var effects: StatementEffects

  package init(
    name: String, to: Grantee, connection: String, role: String,
    effects: StatementEffects = .grantable
  ) {
    self.name = name
    self.to = to
    self.connection = connection
    self.role = role
    self.effects = effects
  }
}
