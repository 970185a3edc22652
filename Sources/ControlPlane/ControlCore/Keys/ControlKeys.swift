package import APIModel
package import GatewayModel

/// The keys of the control plane, open in memory.
package struct ControlKeys: Sendable {
  /// The authority as `GET /v1/authority` shows it.
  package var authority: AuthorityInfo { AuthorityInfo(certificatePEM: "", fingerprint: "") }
  /// Base64 of the raw Ed25519 keys that may sign bundles.
  package var policyPublicKeys: [String] { [] }

  /// Opens the keys, or creates them on the first start of the first replica.
  ///
  /// - Throws: `invalid` when the key file is missing, wrong or unsafe, with what to do.
  package static func open(
    store: any SecretStore, wrappingKey: any WrappingKeySource, settings: ControlSettings,
    surroundings: Surroundings
  ) async throws(ControlError) -> ControlKeys { throw ControlError(.internal, "") }

  /// A fresh certificate and key for this replica's HTTPS API and agent link.
  package func serverIdentity(
    settings: ControlSettings, surroundings: Surroundings
  ) throws(ControlError) -> ServerIdentity { throw ControlError(.internal, "") }
}

/// What a TLS server of the control plane needs; the key lives in memory only.
package struct ServerIdentity: Sendable {
  /// The server's certificate first, then its issuer.
  package var certificateChainPEM: String
  package var privateKeyPEM: Secret
  package var authoritiesPEM: String
  package var expiresAt: WallTime
}
