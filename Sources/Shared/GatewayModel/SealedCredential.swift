/// What a role proves itself with at the server.
package enum CredentialKind: String, Hashable, Sendable, Codable, CaseIterable {
  case password
  /// A client certificate with its key (`cert` in pg_hba.conf).
  case certificate
  /// Both (`scram-sha-256 clientcert=verify-full`).
  case certificateAndPassword = "certificate+password"

  package var hasCertificate: Bool { self != .password }
}

/// A role's ``RoleCredential`` encrypted to one agent's sealing key.
///
/// HPKE (RFC 9180) base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305;
/// `info` is ``info(of:)`` and the additional data is
/// ``additionalData(connection:role:agent:kind:)``. The plaintext is ``RoleCredential/plaintext``.
package struct SealedCredential: Hashable, Sendable, Codable {
  package var agent: AgentID
  /// Base64 of the encapsulated key.
  package var encapsulatedKey: String
  /// Base64 of the ciphertext with its tag.
  package var ciphertext: String
  /// What was sealed; `nil`, as in bundles made before there was the choice, means a password, and
  /// a password is always written so.
  package private(set) var kind: CredentialKind?

  package init(
    agent: AgentID, encapsulatedKey: String, ciphertext: String, kind: CredentialKind = .password
  ) {
    self.agent = agent
    self.encapsulatedKey = encapsulatedKey
    self.ciphertext = ciphertext
    self.kind = kind == .password ? nil : kind
  }

  /// What was sealed, with the default filled in.
  package var sealedKind: CredentialKind { kind ?? .password }

  /// What names the form of the plaintext.
  package static func info(of kind: CredentialKind) -> String {
    kind.hasCertificate ? "sallyport/credential/v2" : "sallyport/credential/v1"
  }

  /// What the ciphertext is bound to, so that it cannot be moved to another connection, role or
  /// agent, nor be read as another kind: the three in their text form, and the kind where it is not
  /// a password, separated by a zero byte.
  package static func additionalData(
    connection: String, role: String, agent: String, kind: CredentialKind = .password
  ) -> [UInt8] {
    let bound = "\(connection)\u{0}\(role)\u{0}\(agent)"
    return Array((kind.hasCertificate ? "\(bound)\u{0}\(kind.rawValue)" : bound).utf8)
  }
}
