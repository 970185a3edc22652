package import APIModel
internal import Crypto
package import GatewayModel
internal import PeerIdentity
internal import SessionToken
internal import SignedBundle

/// The keys of the control plane, open in memory.
package struct ControlKeys: Sendable {
  /// The `iss` of session tokens.
  static let tokenIssuerName = "sallyport"

  let certificates: CertificateAuthority
  /// What signs bundles and leases; changes while the program runs.
  package let signing: SigningKeys
  let tokenKey: Curve25519.Signing.PrivateKey
  /// The `kid` of session tokens.
  let tokenKeyID: String
  /// Signs the checkpoints of the control plane's own log.
  let auditKey: Curve25519.Signing.PrivateKey
  /// The control plane's own log; one for all replicas.
  package let controlLog: LogID

  /// Base64 of the raw Ed25519 key that signs the checkpoints of the control plane's own log.
  package var auditPublicKey: String {
    Base64.text(Array(auditKey.publicKey.rawRepresentation))
  }

  /// The authority as `GET /v1/authority` shows it.
  package var authority: AuthorityInfo {
    AuthorityInfo(
      certificatePEM: certificates.certificatePEM,
      fingerprint: certificates.fingerprint.description)
  }

  /// The digits of the authority's fingerprint, as a join token carries them.
  var authorityFingerprintHex: String { certificates.fingerprint.hexadecimal }

  /// Base64 of the raw Ed25519 keys that may sign bundles.
  package var policyPublicKeys: [String] { signing.root.policyKeys.map(\.base64) }

  var tokenIssuer: TokenIssuer {
    TokenIssuer(issuer: Self.tokenIssuerName, keyID: tokenKeyID, key: tokenKey)
  }

  /// The keys that agents verify session tokens with.
  var tokenKeys: [BundlePayload.TokenKey] {
    [
      BundlePayload.TokenKey(
        kid: tokenKeyID, publicKey: Base64.text(Array(tokenKey.publicKey.rawRepresentation)))
    ]
  }

  init(
    certificates: CertificateAuthority, signing: SigningKeys,
    tokenKey: Curve25519.Signing.PrivateKey, auditKey: Curve25519.Signing.PrivateKey,
    controlPlaneID: Identifier128
  ) {
    self.certificates = certificates
    self.signing = signing
    self.tokenKey = tokenKey
    self.auditKey = auditKey
    controlLog = LogID(agent: AgentID(controlPlaneID), epoch: 1, lane: 0)
    tokenKeyID =
      "tk-"
      + Hexadecimal.text(
        SHA256.hash(data: tokenKey.publicKey.rawRepresentation).prefix(8))
  }

  /// A fresh certificate and key for this replica's HTTPS API and agent link.
  package func serverIdentity(
    settings: ControlSettings, surroundings: Surroundings
  ) throws(ControlError) -> ServerIdentity {
    let key = P256.Signing.PrivateKey()
    do {
      let issued = try certificates.serverCertificate(
        for: key.publicKey, hosts: settings.serverNames, serial: surroundings.newIdentifier(),
        now: surroundings.now())
      return ServerIdentity(
        certificateChainPEM: issued.chainPEM + "\n" + certificates.certificatePEM,
        privateKeyPEM: Secret(text: key.pemRepresentation),
        authoritiesPEM: certificates.certificatePEM, expiresAt: issued.notAfter)
    } catch {
      throw ControlError(
        .invalid, "Making the control plane's certificate failed: \(error.message).",
        remedy: "Give host names or IP addresses as the names of the server.")
    }
  }

  /// An agent's certificate for the key of a request.
  func certify(
    _ request: CertificateRequest, agent: AgentID, segment: String, names: [String],
    generation: UInt64, serial: Identifier128, settings: ControlSettings, now: WallTime
  ) throws(ControlError) -> IssuedCertificate {
    do {
      return try certificates.agentCertificate(
        for: request,
        identity: try AgentIdentity(
          organisation: settings.organisation, segment: segment, agent: agent),
        hosts: names, serial: serial, now: now,
        lifetimeSeconds: settings.certificateLifetime.components.seconds,
        generation: generation)
    } catch {
      throw ControlError(
        .invalid, "Issuing the agent's certificate failed: \(error.message).",
        remedy: "Invite the agent again with other names.")
    }
  }
}

/// What a TLS server of the control plane needs; the key lives in memory only.
package struct ServerIdentity: Sendable {
  /// The server's certificate first, then its issuer.
  package var certificateChainPEM: String
  package var privateKeyPEM: Secret
  package var authoritiesPEM: String
  package var expiresAt: WallTime
}
