package import GatewayModel

/// Whom a grant or rule is for: one of the names or groups must match, and the kind of the current
/// actor where kinds are given.
package struct PrincipalSelector: Hashable, Sendable, Codable {
  /// Subjects of principals of the kind `user`.
  package var users: [NamePattern]
  /// Subjects of principals of the kind `service`.
  package var services: [NamePattern]
  /// Subjects of principals of the kind `ai_agent`.
  package var agents: [NamePattern]
  /// Subjects of any kind.
  package var subjects: [NamePattern]
  package var groups: [NamePattern]
  /// Kinds of the first actor of the chain.
  package var kinds: [Principal.Kind]

  package init(
    users: [NamePattern] = [], services: [NamePattern] = [], agents: [NamePattern] = [],
    subjects: [NamePattern] = [], groups: [NamePattern] = [], kinds: [Principal.Kind] = []
  ) {
    self.users = users
    self.services = services
    self.agents = agents
    self.subjects = subjects
    self.groups = groups
    self.kinds = kinds
  }

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case users, services, agents, subjects, groups, kinds
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    users = try container.list(.users)
    services = try container.list(.services)
    agents = try container.list(.agents)
    subjects = try container.list(.subjects)
    groups = try container.list(.groups)
    kinds = try container.list(.kinds)
    guard !isEmpty else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath,
          debugDescription: "a selector of a policy is empty: everybody is subjects: [\"*\"]"))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(list: users, .users)
    try container.encode(list: services, .services)
    try container.encode(list: agents, .agents)
    try container.encode(list: subjects, .subjects)
    try container.encode(list: groups, .groups)
    try container.encode(list: kinds, .kinds)
  }

  package var isEmpty: Bool { self == PrincipalSelector() }

  /// Whether any key but `kinds` is there.
  package var hasNames: Bool {
    !(users.isEmpty && services.isEmpty && agents.isEmpty && subjects.isEmpty && groups.isEmpty)
  }

  /// Everybody.
  package static let everybody = PrincipalSelector(subjects: [.any])

  /// Whether it selects everybody, whoever that is.
  package var isEverybody: Bool {
    kinds.isEmpty && subjects.contains { $0.isAny }
  }
}
