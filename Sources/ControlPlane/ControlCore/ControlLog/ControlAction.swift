/// What is done at the control plane and stands in its log; the raw value is resource and verb.
package enum ControlAction: String, Sendable, CaseIterable {
  case createBootstrapToken = "bootstrap.create"
  case withdrawBootstrapToken = "bootstrap.withdraw"
  case replaceBootstrapToken = "bootstrap.replace"
  /// The first API token, for the holder of the bootstrap token.
  case createAPIToken = "api_token.create"
  case issueSessionToken = "session_token.issue"
  case inviteAgent = "agent.invite"
  case enrolAgent = "agent.enrol"
  case renewAgent = "agent.renew"
  case removeAgent = "agent.remove"
  case quarantineAgent = "agent.quarantine"
  case releaseAgent = "agent.release"
  /// Two hosts have one agent's identity.
  case lockAgent = "agent.lock"
  /// An agent whose certificate had expired has a new one.
  case recoverAgent = "agent.recover"
  case addConnection = "connection.add"
  case removeConnection = "connection.remove"
  case testConnection = "connection.test"
  case addGrant = "grant.add"
  case removeGrant = "grant.remove"
  case applyPolicy = "policy.apply"
  case rollBackPolicy = "policy.rollback"
  case issueBundle = "bundle.issue"
  /// An agent refused a bundle.
  case rejectBundle = "bundle.reject"
  /// An agent refused a lease or a root document.
  case rejectLease = "lease.reject"
  case rejectRoot = "root.reject"
  case raiseBundleVersions = "bundle.raise"
  /// An operator has made a new key, and a root document that names it.
  case rotateKey = "key.rotate"
  case setRetention = "retention.set"
  case addHold = "retention.hold"
  case releaseHold = "retention.release"
  /// An operator has a day removed; what went says `retention.prune`.
  case pruneDay = "retention.run"
  /// An operator at the host says what the backups have.
  case setBackupHorizon = "backup_horizon.set"
  /// A call of the API that was refused for who its caller is.
  case callAPI = "api.call"
}

/// The particulars of an act: a JSON object of plain values.
package struct ActDetail: Sendable, Equatable, Encodable, ExpressibleByDictionaryLiteral {
  package enum Particular: Sendable, Equatable, Encodable {
    case text(String)
    case texts([String])
    case number(Int)
    case flag(Bool)

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let value): try container.encode(value)
      case .texts(let value): try container.encode(value)
      case .number(let value): try container.encode(value)
      case .flag(let value): try container.encode(value)
      }
    }
  }

  package var values: [String: Particular]

  /// What is `nil` is left out.
  package init(dictionaryLiteral elements: (String, Particular?)...) {
    values = [:]
    for (key, value) in elements { values[key] = value }
  }

  package func encode(to encoder: any Encoder) throws { try values.encode(to: encoder) }

  /// The object as text, keys in order; empty for no particulars.
  var json: String { values.isEmpty ? "" : CanonicalJSON.text(self) }
}
