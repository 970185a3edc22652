/// A policy as it is written: grants and rules for some connections.
///
/// Its Codable form has the keys of the YAML form; see docs/policy.md.
package struct PolicyDocument: Hashable, Sendable, Codable {
  package var name: String
  package var mode: PolicyMode
  package var on: ConnectionScope
  package var grants: [PolicyGrant]
  package var rules: [PolicyRule]

  package init(
    name: String, mode: PolicyMode = .enforce, on: ConnectionScope = ConnectionScope(),
    grants: [PolicyGrant] = [], rules: [PolicyRule] = []
  ) {
    self.name = name
    self.mode = mode
    self.on = on
    self.grants = grants
    self.rules = rules
  }

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case name = "policy"
    case mode, on, grants, rules
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    mode = try container.decodeIfPresent(PolicyMode.self, forKey: .mode) ?? .enforce
    on = try container.decodeIfPresent(ConnectionScope.self, forKey: .on) ?? ConnectionScope()
    grants = try container.list(.grants)
    rules = try container.list(.rules)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    if mode != .enforce { try container.encode(mode, forKey: .mode) }
    if on != ConnectionScope() { try container.encode(on, forKey: .on) }
    try container.encode(list: grants, .grants)
    try container.encode(list: rules, .rules)
  }
}

/// Whether a policy, grant or rule decides.
package enum PolicyMode: String, Hashable, Sendable, Codable, CaseIterable {
  case enforce
  /// What it would have decided is recorded, and it decides nothing.
  case observe
}

/// Which connections a policy is about: those that both the names and the labels match. What is left
/// out matches all.
package struct ConnectionScope: Hashable, Sendable, Codable {
  package var connections: [NamePattern]
  package var labels: [String: NamePattern]

  package init(connections: [NamePattern] = [], labels: [String: NamePattern] = [:]) {
    self.connections = connections
    self.labels = labels
  }

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case connections, labels
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    connections = try container.list(.connections)
    labels = try container.decodeIfPresent([String: NamePattern].self, forKey: .labels) ?? [:]
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(list: connections, .connections)
    if !labels.isEmpty { try container.encode(labels, forKey: .labels) }
  }
}
