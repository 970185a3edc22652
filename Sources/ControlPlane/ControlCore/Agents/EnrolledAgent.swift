package import GatewayModel

/// An agent as the control plane knows it.
package struct EnrolledAgent: Sendable, Equatable {
  package var id: AgentID
  package var segment: String
  package var hostname: String
  /// Where clients reach it, `host:port`.
  package var clientAddress: String
  /// The names and addresses of its certificate.
  package var names: [String]
  package var version: String
  /// The raw Ed25519 key that signs its checkpoints.
  package var auditKey: [UInt8]
  /// The raw X25519 key that credentials are sealed to.
  package var sealingKey: [UInt8]
  /// `sha256:` and the digits of its newest certificate's DER.
  package var certificateFingerprint: String
  package var certificateExpiresAt: WallTime
  package var enrolledAt: WallTime
  package var removedAt: WallTime?
  package var lastSeenAt: WallTime?
  /// When its link was last seen to end; before ``lastSeenAt`` while it is attached.
  package var detachedAt: WallTime?
  package var health: AgentHealthReport?
  /// The highest bundle version it accepted; 0 for none.
  package var bundleVersion: UInt64
  package var rejection: BundleRejection?
  /// Since when nothing is taken from it, and why.
  package var quarantine: AgentQuarantine?
  /// The how manieth certificate was its newest; 0 for one that does not say.
  package var generation: UInt64 = 0
  /// SHA-256 of the raw key of the newest certificate; `nil` until one is known.
  package var certificateKey: [UInt8]?
  /// Whether its next renewal is taken as it comes: a person has released it.
  package var renewsFreely = false
  /// Since when its identity is locked, because two hosts have used it.
  package var lockedAt: WallTime?
  /// The agent's own time of its last recovery.
  package var recoveredAt: WallTime?

  package init(
    id: AgentID, segment: String, hostname: String, clientAddress: String, names: [String],
    version: String, auditKey: [UInt8], sealingKey: [UInt8], certificateFingerprint: String,
    certificateExpiresAt: WallTime, enrolledAt: WallTime, removedAt: WallTime? = nil,
    lastSeenAt: WallTime? = nil, detachedAt: WallTime? = nil, health: AgentHealthReport? = nil,
    bundleVersion: UInt64 = 0, rejection: BundleRejection? = nil
  ) {
    self.id = id
    self.segment = segment
    self.hostname = hostname
    self.clientAddress = clientAddress
    self.names = names
    self.version = version
    self.auditKey = auditKey
    self.sealingKey = sealingKey
    self.certificateFingerprint = certificateFingerprint
    self.certificateExpiresAt = certificateExpiresAt
    self.enrolledAt = enrolledAt
    self.removedAt = removedAt
    self.lastSeenAt = lastSeenAt
    self.detachedAt = detachedAt
    self.health = health
    self.bundleVersion = bundleVersion
    self.rejection = rejection
  }
}

/// The state of an agent that has contradicted itself.
package struct AgentQuarantine: Sendable, Equatable {
  package var at: WallTime
  package var reason: String
  package init(at: WallTime, reason: String) {
    self.at = at
    self.reason = reason
  }
}

/// What an agent judges.
package enum JudgedDocument: String, Sendable, Equatable {
  case bundle
  case lease
  case root
}

/// A bundle, lease or root document the agent refused.
package struct BundleRejection: Sendable, Equatable {
  package var document: JudgedDocument
  package var version: UInt64
  package var reason: String
  package var detail: String
  package var at: WallTime
  package init(
    _ document: JudgedDocument = .bundle, version: UInt64, reason: String, detail: String,
    at: WallTime
  ) {
    self.document = document
    self.version = version
    self.reason = reason
    self.detail = detail
    self.at = at
  }
}

/// How an agent introduces itself on its link.
package struct AgentGreeting: Sendable, Equatable {
  package var version: String
  package var hostname: String
  package var acceptedBundleVersion: UInt64
  /// Where clients reach it, `host:port`; empty keeps what the invitation said.
  package var clientAddress: String
  package init(
    version: String, hostname: String, acceptedBundleVersion: UInt64, clientAddress: String
  ) {
    self.version = version
    self.hostname = hostname
    self.acceptedBundleVersion = acceptedBundleVersion
    self.clientAddress = clientAddress
  }
}

/// How an agent says it is.
package struct AgentHealthReport: Sendable, Equatable {
  /// `ok`, `degraded` or `failing`.
  package var state: String
  package var problems: [String]
  package var openSessions: UInt64
  package var backlogRecords: UInt64
  package var acceptedBundleVersion: UInt64
  package init(
    state: String, problems: [String], openSessions: UInt64, backlogRecords: UInt64,
    acceptedBundleVersion: UInt64
  ) {
    self.state = state
    self.problems = problems
    self.openSessions = openSessions
    self.backlogRecords = backlogRecords
    self.acceptedBundleVersion = acceptedBundleVersion
  }
}

/// What an agent says of a bundle, lease or root document it was sent.
package struct BundleVerdictReport: Sendable, Equatable {
  package var document: JudgedDocument
  package var version: UInt64
  package var accepted: Bool
  /// `signature`, `audience`, `version`, `expired` or `malformed`.
  package var reason: String
  package var detail: String
  package init(
    _ document: JudgedDocument = .bundle, version: UInt64, accepted: Bool, reason: String,
    detail: String
  ) {
    self.document = document
    self.version = version
    self.accepted = accepted
    self.reason = reason
    self.detail = detail
  }
}
