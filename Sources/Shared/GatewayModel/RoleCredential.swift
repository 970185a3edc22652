/// A certificate with its private key that a role shows a server in the TLS handshake.
package struct ClientCertificate: Hashable, Sendable {
  /// PEM of the certificate, then of the authorities between it and one that the server trusts.
  package var chainPEM: String
  /// PEM of the key, not encrypted.
  package var keyPEM: Secret

  /// The most bytes of either; a chain of some twenty certificates fits.
  package static let maximumBytes = 64 * 1024

  package init(chainPEM: String, keyPEM: Secret) {
    self.chainPEM = chainPEM
    self.keyPEM = keyPEM
  }
}

/// What a role logs in with at the server, in clear.
package enum RoleCredential: Hashable, Sendable {
  case password(Secret)
  case certificate(ClientCertificate)
  case certificateAndPassword(ClientCertificate, Secret)

  package var kind: CredentialKind {
    switch self {
    case .password: .password
    case .certificate: .certificate
    case .certificateAndPassword: .certificateAndPassword
    }
  }

  package var password: Secret? {
    switch self {
    case .password(let password), .certificateAndPassword(_, let password): password
    case .certificate: nil
    }
  }

  package var certificate: ClientCertificate? {
    switch self {
    case .password: nil
    case .certificate(let certificate), .certificateAndPassword(let certificate, _): certificate
    }
  }
}

extension RoleCredential {
  /// The bytes that are sealed.
  ///
  /// A password stands for itself. With a certificate they are fields, each behind its length in
  /// four bytes, the highest first: the chain, the key, and the password if the kind has one.
  package var plaintext: Secret {
    switch self {
    case .password(let password): password
    case .certificate(let certificate):
      Secret(Self.fields([Array(certificate.chainPEM.utf8), certificate.keyPEM.bytes]))
    case .certificateAndPassword(let certificate, let password):
      Secret(
        Self.fields([
          Array(certificate.chainPEM.utf8), certificate.keyPEM.bytes, password.bytes,
        ]))
    }
  }

  /// Reads what was sealed; `nil` when it has not exactly the fields of the kind, or one of a
  /// certificate is empty or longer than ``ClientCertificate/maximumBytes``.
  package init?(plaintext: Secret, kind: CredentialKind) {
    if kind == .password {
      self = .password(plaintext)
      return
    }
    var rest = plaintext.bytes[...]
    guard let chain = Self.takeField(&rest), let key = Self.takeField(&rest),
      let text = String(validating: chain, as: UTF8.self),
      (1...ClientCertificate.maximumBytes).contains(chain.count),
      (1...ClientCertificate.maximumBytes).contains(key.count)
    else { return nil }
    let certificate = ClientCertificate(chainPEM: text, keyPEM: Secret(key))
    if kind == .certificate {
      self = .certificate(certificate)
    } else {
      guard let password = Self.takeField(&rest) else { return nil }
      self = .certificateAndPassword(certificate, Secret(password))
    }
    guard rest.isEmpty else { return nil }
  }

  private static func fields(_ fields: [[UInt8]]) -> [UInt8] {
    fields.flatMap { field in
      let length = UInt32(clamping: field.count)
      return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + field
    }
  }

  private static func takeField(_ bytes: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard bytes.count >= 4 else { return nil }
    let length = bytes.prefix(4).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let body = bytes.dropFirst(4)
    guard length <= UInt64(body.count) else { return nil }
    let field = body.prefix(Int(length))
    bytes = body.dropFirst(Int(length))
    return field
  }
}
