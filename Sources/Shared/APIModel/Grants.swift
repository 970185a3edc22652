package struct GrantDraft: Codable, Sendable, Equatable {
  /// Made from the others when absent.
  package var name: String?
  /// Exactly one of `principal` and `group`.
  package var principal: String?
  package var group: String?
  package var connection: String
  package var role: String
  /// What sessions may do: names of effects, or `all`; absent means `all`.
  package var effects: [String]?
  /// The most rows that one statement may return; absent means any number.
  package var maximumRows: Int?

  package init(
    name: String?, principal: String?, group: String?, connection: String, role: String,
    effects: [String]? = nil, maximumRows: Int? = nil
  ) {
    self.name = name
    self.principal = principal
    self.group = group
    self.connection = connection
    self.role = role
    self.effects = effects
    self.maximumRows = maximumRows
  }
}

/// A grant of a policy.
package struct GrantInfo: Codable, Sendable, Equatable {
  package var name: String
  /// Set where it is for this one principal.
  package var principal: String?
  /// Set where it is for this one group.
  package var group: String?
  /// The names, or patterns, of the connections that its policy is about, with commas between
  /// them; `*` for all.
  package var connection: String
  package var role: String
  /// Since when there is a policy of this name.
  package var createdAt: String
  /// The document that it stands in.
  package var policy: String
  /// What sessions may do.
  package var effects: [String]
  /// Whom it is for, in words.
  package var to: String
  /// `enforce`, or `observe`: then it lets nobody in.
  package var mode: String
  package var maximumRows: Int?

  package init(
    name: String, principal: String?, group: String?, connection: String, role: String,
    createdAt: String, policy: String, effects: [String], to: String, mode: String,
    maximumRows: Int? = nil
  ) {
    self.name = name
    self.principal = principal
    self.group = group
    self.connection = connection
    self.role = role
    self.createdAt = createdAt
    self.policy = policy
    self.effects = effects
    self.to = to
    self.mode = mode
    self.maximumRows = maximumRows
  }
}
