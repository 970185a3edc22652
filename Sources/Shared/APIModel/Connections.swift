package struct ConnectionDraft: Codable, Sendable, Equatable {
  package var name: String
  package var segment: String
  package var host: String
  package var port: Int
  package var database: String
  /// `disable`, `require`, `verify-ca` or `verify-full`.
  package var tls: String
  package var authoritiesPEM: String?
  package var labels: [String: String]
  package var roles: [RoleDraft]
  /// Replace a connection of that name instead of refusing.
  package var replace: Bool
  /// Whether functions may be called outside SQL; absent means no.
  package var allowsFunctionCalls: Bool?
  /// The most rows that one statement may return; absent means any number.
  package var maximumRows: Int?
  /// `crash-safe` or `power-safe`; absent means `crash-safe`.
  package var durability: String?

  package init(
    name: String, segment: String, host: String, port: Int, database: String, tls: String,
    authoritiesPEM: String?, labels: [String: String], roles: [RoleDraft], replace: Bool,
    allowsFunctionCalls: Bool? = nil, maximumRows: Int? = nil,
    durability: String? = nil
  ) {
    self.name = name
    self.segment = segment
    self.host = host
    self.port = port
    self.database = database
    self.tls = tls
    self.authoritiesPEM = authoritiesPEM
    self.labels = labels
    self.roles = roles
    self.replace = replace
    self.allowsFunctionCalls = allowsFunctionCalls
    self.maximumRows = maximumRows
    self.durability = durability
  }
}

package struct RoleDraft: Codable, Sendable, Equatable {
  package var name: String
  package var credentials: [SealedCredentialDraft]
  package init(name: String, credentials: [SealedCredentialDraft]) {
    self.name = name
    self.credentials = credentials
  }
}

/// See `GatewayModel.SealedCredential` for the algorithms.
package struct SealedCredentialDraft: Codable, Sendable, Equatable {
  package var agentID: String
  package var encapsulatedKey: String
  package var ciphertext: String
  /// `password`, `certificate` or `certificate+password`; absent means a password. All credentials
  /// of a role are of one kind.
  package var kind: String?
  package init(
    agentID: String, encapsulatedKey: String, ciphertext: String, kind: String? = nil
  ) {
    self.agentID = agentID
    self.encapsulatedKey = encapsulatedKey
    self.ciphertext = ciphertext
    self.kind = kind
  }
}

package struct ConnectionInfo: Codable, Sendable, Equatable {
  package var id: String
  package var name: String
  package var segment: String
  package var host: String
  package var port: Int
  package var database: String
  package var tls: String
  package var labels: [String: String]
  package var roles: [RoleInfo]
  package var createdAt: String
  /// The agents that serve it, with where clients reach them.
  package var agents: [ServingAgent]
  /// Whether functions may be called outside SQL; absent means no.
  package var allowsFunctionCalls: Bool?
  /// The most rows that one statement may return; absent means any number.
  package var maximumRows: Int?
  /// `crash-safe` or `power-safe`; absent means `crash-safe`.
  package var durability: String?

  package init(
    id: String, name: String, segment: String, host: String, port: Int, database: String,
    tls: String, labels: [String: String], roles: [RoleInfo], createdAt: String,
    agents: [ServingAgent], allowsFunctionCalls: Bool? = nil, maximumRows: Int? = nil,
    durability: String? = nil
  ) {
    self.id = id
    self.name = name
    self.segment = segment
    self.host = host
    self.port = port
    self.database = database
    self.tls = tls
    self.labels = labels
    self.roles = roles
    self.createdAt = createdAt
    self.agents = agents
    self.allowsFunctionCalls = allowsFunctionCalls
    self.maximumRows = maximumRows
    self.durability = durability
  }
}

package struct RoleInfo: Codable, Sendable, Equatable {
  package var name: String
  /// The agents of the segment that hold no credential for this role.
  package var credentialMissingAt: [String]
  /// What the role logs in with: `password`, `certificate` or `certificate+password`; absent
  /// without any credential.
  package var credential: String?
  package init(name: String, credentialMissingAt: [String], credential: String? = nil) {
    self.name = name
    self.credentialMissingAt = credentialMissingAt
    self.credential = credential
  }
}

package struct ServingAgent: Codable, Sendable, Equatable {
  package var id: String
  package var clientAddress: String
  package var link: String
  package init(id: String, clientAddress: String, link: String) {
    self.id = id
    self.clientAddress = clientAddress
    self.link = link
  }
}

package struct ConnectionTestResult: Codable, Sendable, Equatable {
  package var agentID: String
  package var role: String
  package var ok: Bool
  package var detail: String
  package var milliseconds: Double
  package init(agentID: String, role: String, ok: Bool, detail: String, milliseconds: Double) {
    self.agentID = agentID
    self.role = role
    self.ok = ok
    self.detail = detail
    self.milliseconds = milliseconds
  }
}
