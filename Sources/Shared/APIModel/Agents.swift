package struct AgentInfo: Codable, Sendable, Equatable {
  package var id: String
  package var segment: String
  package var hostname: String
  package var clientAddress: String
  package var version: String
  /// `online`, `offline`, `removed` or `locked`.
  package var link: String
  package var lastSeenAt: String?
  package var enrolledAt: String
  package var certificateExpiresAt: String
  /// `ok`, `degraded`, `failing` or `unknown`.
  package var health: String
  package var problems: [String]
  package var openSessions: Int
  package var backlogRecords: Int
  package var bundleVersion: Int
  package var currentBundleVersion: Int
  /// The last bundle the agent refused, with its reason, until it accepts a newer one.
  package var rejectedBundle: RejectedBundle?
  /// Since when nothing is taken from the agent, and why; absent when it is in good standing.
  package var quarantine: Quarantine?

  package init(
    id: String, segment: String, hostname: String, clientAddress: String, version: String,
    link: String, lastSeenAt: String?, enrolledAt: String, certificateExpiresAt: String,
    health: String, problems: [String], openSessions: Int, backlogRecords: Int,
    bundleVersion: Int, currentBundleVersion: Int, rejectedBundle: RejectedBundle?,
    quarantine: Quarantine? = nil
  ) {
    self.id = id
    self.segment = segment
    self.hostname = hostname
    self.clientAddress = clientAddress
    self.version = version
    self.link = link
    self.lastSeenAt = lastSeenAt
    self.enrolledAt = enrolledAt
    self.certificateExpiresAt = certificateExpiresAt
    self.health = health
    self.problems = problems
    self.openSessions = openSessions
    self.backlogRecords = backlogRecords
    self.bundleVersion = bundleVersion
    self.currentBundleVersion = currentBundleVersion
    self.rejectedBundle = rejectedBundle
    self.quarantine = quarantine
  }
}

/// Why the records of an agent are not taken.
package struct Quarantine: Codable, Sendable, Equatable {
  package var at: String
  package var reason: String

  package init(at: String, reason: String) {
    self.at = at
    self.reason = reason
  }
}

/// Ends an agent's quarantine.
package struct ReleaseRequest: Codable, Sendable, Equatable {
  /// What the person who looked has found; 1 to 500 bytes.
  package var reason: String

  package init(reason: String) { self.reason = reason }
}

package struct RejectedBundle: Codable, Sendable, Equatable {
  /// `lease` or `root`; absent for a bundle.
  package var document: String?
  package var version: Int
  package var reason: String
  package var detail: String
  package var at: String

  package init(
    document: String? = nil, version: Int, reason: String, detail: String, at: String
  ) {
    self.document = document
    self.version = version
    self.reason = reason
    self.detail = detail
    self.at = at
  }
}

/// The key that credentials are sealed to, of one agent of a segment.
package struct SealingKey: Codable, Sendable, Equatable {
  package var agentID: String
  /// Base64 of the raw X25519 key.
  package var publicKey: String

  package init(agentID: String, publicKey: String) {
    self.agentID = agentID
    self.publicKey = publicKey
  }
}
