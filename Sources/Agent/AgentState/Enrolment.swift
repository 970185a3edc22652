package import GatewayModel

/// What the control plane told an agent when it joined.
package struct Enrolment: Hashable, Sendable {
  package var agent: AgentID
  package var organisation: String
  package var segment: String
  /// Where the agent dials the control plane, `host:port`.
  package var linkAddress: String
  /// Where clients reach the agent, `host:port`.
  package var clientAddress: String
  /// Base64 of the raw Ed25519 keys that may sign bundles.
  package var policyPublicKeys: [String]
  /// The authorities that vouch for the control plane, in PEM.
  package var authoritiesPEM: String
  package var enrolledAt: WallTime
  /// The control plane's own log, `<id>/<epoch>/<lane>`, and base64 of the raw Ed25519 key that
  /// signs its checkpoints; `nil` for an agent that was enrolled before there was such a log.
  package var controlLog: String?
  package var auditPublicKey: String?
  /// The URL that the agent enrolled at, for recovery; `nil` for one that enrolled before it was
  /// kept.
  package var serverURL: String?

  package init(
    agent: AgentID, organisation: String, segment: String, linkAddress: String,
    clientAddress: String, policyPublicKeys: [String], authoritiesPEM: String,
    enrolledAt: WallTime, controlLog: String? = nil, auditPublicKey: String? = nil,
    serverURL: String? = nil
  ) {
    self.agent = agent
    self.organisation = organisation
    self.segment = segment
    self.linkAddress = linkAddress
    self.clientAddress = clientAddress
    self.policyPublicKeys = policyPublicKeys
    self.authoritiesPEM = authoritiesPEM
    self.enrolledAt = enrolledAt
    self.controlLog = controlLog
    self.auditPublicKey = auditPublicKey
    self.serverURL = serverURL
  }
}

/// The agent's certificate and the key that belongs to it.
package struct TLSIdentity: Hashable, Sendable {
  /// P-256, PKCS #8 in PEM.
  package var privateKeyPEM: Secret
  package var certificateChainPEM: String

  package init(privateKeyPEM: Secret, certificateChainPEM: String) {
    self.privateKeyPEM = privateKeyPEM
    self.certificateChainPEM = certificateChainPEM
  }
}

/// The keys an agent made when it joined; they outlive its certificates.
package struct AgentKeys: Hashable, Sendable {
  /// The raw Ed25519 private key that signs checkpoints, 32 bytes.
  package var audit: Secret
  /// The raw X25519 private key that opens sealed credentials, 32 bytes.
  package var sealing: Secret

  package init(audit: Secret, sealing: Secret) {
    self.audit = audit
    self.sealing = sealing
  }
}

/// A bundle as it was accepted.
package struct StoredBundle: Hashable, Sendable {
  package var version: UInt64
  /// SHA-256 of the payload.
  package var hash: [UInt8]
  /// The envelope, byte for byte as received.
  package var envelope: [UInt8]
  /// The version of the root document whose keys it was accepted by; 0 for those of the enrolment.
  package var rootVersion: UInt64

  package init(version: UInt64, hash: [UInt8], envelope: [UInt8], rootVersion: UInt64 = 0) {
    self.version = version
    self.hash = hash
    self.envelope = envelope
    self.rootVersion = rootVersion
  }
}

/// How far a log was acknowledged by the control plane.
package struct ShippingCursor: Hashable, Sendable {
  package var epoch: UInt64
  package var lane: UInt32
  /// The seq of the first record that is not acknowledged.
  package var nextSeq: UInt64

  package init(epoch: UInt64, lane: UInt32, nextSeq: UInt64) {
    self.epoch = epoch
    self.lane = lane
    self.nextSeq = nextSeq
  }
}

/// The newest lease, as it was accepted.
package struct StoredLease: Hashable, Sendable {
  /// The version of the root document whose keys it was accepted by.
  package var rootVersion: UInt64
  /// The envelope, byte for byte as received.
  package var envelope: [UInt8]

  package init(rootVersion: UInt64, envelope: [UInt8]) {
    self.rootVersion = rootVersion
    self.envelope = envelope
  }
}

/// A root document as it was accepted.
package struct StoredRoot: Hashable, Sendable {
  package var version: UInt64
  /// The envelope, byte for byte as received.
  package var envelope: [UInt8]

  package init(version: UInt64, envelope: [UInt8]) {
    self.version = version
    self.envelope = envelope
  }
}

/// A certificate that was asked for: asked for again, with the same bytes, until it is answered.
package struct PendingRenewal: Hashable, Sendable {
  /// P-256, PKCS #8 in PEM.
  package var privateKeyPEM: Secret
  /// PKCS #10 in PEM.
  package var requestPEM: String

  package init(privateKeyPEM: Secret, requestPEM: String) {
    self.privateKeyPEM = privateKeyPEM
    self.requestPEM = requestPEM
  }
}
