/// The permission of a principal or a group to enter a connection as a database role.
package struct Grant: Hashable, Sendable, Codable {
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

  package init(name: String, to: Grantee, connection: String, role: String) {
    self.name = name
    self.to = to
    self.connection = connection
    self.role = role
  }
}

/// JSON form: `{"principal": "…"}` or `{"group": "…"}`.
extension Grant.Grantee: Codable {
  private enum Keys: String, CodingKey {
    case principal
    case group
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Keys.self)
    let principal = try container.decodeIfPresent(String.self, forKey: .principal)
    let group = try container.decodeIfPresent(String.self, forKey: .group)
    switch (principal, group) {
    case (let name?, nil): self = .principal(name)
    case (nil, let name?): self = .group(name)
    default:
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath,
          debugDescription: "a grantee has either \"principal\" or \"group\""))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Keys.self)
    switch self {
    case .principal(let name): try container.encode(name, forKey: .principal)
    case .group(let name): try container.encode(name, forKey: .group)
    }
  }
}
