/// The control plane's certificate authority.
package struct AuthorityInfo: Codable, Sendable, Equatable {
  package var certificatePEM: String
  /// `sha256:` and 64 hexadecimal digits: SHA-256 of the certificate's DER.
  package var fingerprint: String

  package init(certificatePEM: String, fingerprint: String) {
    self.certificatePEM = certificatePEM
    self.fingerprint = fingerprint
  }
}

/// Turns the one-time bootstrap token of the first start into an administrator's API token.
package struct BootstrapRequest: Codable, Sendable {
  package var bootstrapToken: String
  /// What to call the token in listings, for example `alice's laptop`.
  package var name: String
  package init(bootstrapToken: String, name: String) {
    self.bootstrapToken = bootstrapToken
    self.name = name
  }
}

package struct BootstrapResponse: Codable, Sendable {
  package var apiToken: String
  package init(apiToken: String) { self.apiToken = apiToken }
}

package struct InvitationDraft: Codable, Sendable {
  package var segment: String
  /// Where clients will reach the agent, `host:port`; its host goes into the agent's certificate.
  package var clientAddress: String
  /// Further names for the certificate.
  package var names: [String]
  /// Seconds the join token is good for; the server's default is 900.
  package var lifetimeSeconds: Int?

  package init(
    segment: String, clientAddress: String, names: [String] = [], lifetimeSeconds: Int? = nil
  ) {
    self.segment = segment
    self.clientAddress = clientAddress
    self.names = names
    self.lifetimeSeconds = lifetimeSeconds
  }
}

package struct Invitation: Codable, Sendable {
  /// `spj_<secret>.<authority fingerprint>`: see ``JoinToken``.
  package var joinToken: String
  package var expiresAt: String
  package init(joinToken: String, expiresAt: String) {
    self.joinToken = joinToken
    self.expiresAt = expiresAt
  }
}

/// The text form of a join token: `spj_`, 64 hexadecimal digits of secret, `.`, 64 hexadecimal
/// digits of the authority's fingerprint, so that one string lets an agent know whom it talks to.
package struct JoinToken: Sendable, Equatable {
  package static let prefix = "spj_"
  package var secretHex: String
  package var authorityFingerprintHex: String

  package init(secretHex: String, authorityFingerprintHex: String) {
    self.secretHex = secretHex
    self.authorityFingerprintHex = authorityFingerprintHex
  }

  /// Reads the text form; `nil` when it is not one.
  package init?(text: String) {
    guard text.hasPrefix(Self.prefix) else { return nil }
    let parts = text.dropFirst(Self.prefix.count).split(
      separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 64 && $0.allSatisfy(\.isHexDigit) })
    else { return nil }
    self.init(secretHex: String(parts[0]), authorityFingerprintHex: String(parts[1]))
  }

  package var text: String { "\(Self.prefix)\(secretHex).\(authorityFingerprintHex)" }
}

package struct EnrollRequest: Codable, Sendable {
  /// The secret of the join token, 64 hexadecimal digits.
  package var joinSecret: String
  /// PKCS #10 in PEM, signed by the agent's TLS key (P-256).
  package var csrPEM: String
  /// Base64 of the raw Ed25519 key that will sign the agent's checkpoints.
  package var auditPublicKey: String
  /// Base64 of the raw X25519 key that credentials are sealed to.
  package var sealingPublicKey: String
  package var hostname: String
  package var agentVersion: String

  package init(
    joinSecret: String, csrPEM: String, auditPublicKey: String, sealingPublicKey: String,
    hostname: String, agentVersion: String
  ) {
    self.joinSecret = joinSecret
    self.csrPEM = csrPEM
    self.auditPublicKey = auditPublicKey
    self.sealingPublicKey = sealingPublicKey
    self.hostname = hostname
    self.agentVersion = agentVersion
  }
}

package struct EnrollResponse: Codable, Sendable {
  package var agentID: String
  package var organisation: String
  package var segment: String
  package var certificateChainPEM: String
  package var authoritiesPEM: String
  /// Base64 of the raw Ed25519 keys that may sign bundles.
  package var policyPublicKeys: [String]
  /// Where the agent dials, `host:port`.
  package var linkAddress: String
  package var clientAddress: String
  /// The control plane's own log, `<id>/<epoch>/<lane>`, and base64 of the raw Ed25519 key that
  /// signs its checkpoints. A control plane that keeps no such log has neither.
  package var controlLog: String?
  package var auditPublicKey: String?
  /// The root documents, oldest first, each a DSSE envelope in base64; absent where there are none.
  package var rootChain: [String]?

  package init(
    agentID: String, organisation: String, segment: String, certificateChainPEM: String,
    authoritiesPEM: String, policyPublicKeys: [String], linkAddress: String, clientAddress: String,
    controlLog: String? = nil, auditPublicKey: String? = nil, rootChain: [String]? = nil
  ) {
    self.agentID = agentID
    self.organisation = organisation
    self.segment = segment
    self.certificateChainPEM = certificateChainPEM
    self.authoritiesPEM = authoritiesPEM
    self.policyPublicKeys = policyPublicKeys
    self.linkAddress = linkAddress
    self.clientAddress = clientAddress
    self.controlLog = controlLog
    self.auditPublicKey = auditPublicKey
    self.rootChain = rootChain
  }
}
