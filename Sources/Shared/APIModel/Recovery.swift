/// Asks for a new certificate in the place of one that has expired.
package struct RecoverRequest: Codable, Sendable, Equatable {
  package var agentID: String
  /// The expired certificate, in PEM.
  package var certificatePEM: String
  /// PKCS #10 in PEM, signed by a new key (P-256).
  package var csrPEM: String
  /// When the request was made; each is good once, and for some minutes.
  package var unixMilliseconds: Int64
  /// Base64 of the signature of the expired certificate's key over ``signedBytes``: ECDSA over
  /// P-256 and SHA-256, in DER.
  package var tlsSignature: String
  /// Base64 of the Ed25519 signature of the agent's audit key over ``signedBytes``.
  package var auditSignature: String

  package init(
    agentID: String, certificatePEM: String, csrPEM: String, unixMilliseconds: Int64,
    tlsSignature: String = "", auditSignature: String = ""
  ) {
    self.agentID = agentID
    self.certificatePEM = certificatePEM
    self.csrPEM = csrPEM
    self.unixMilliseconds = unixMilliseconds
    self.tlsSignature = tlsSignature
    self.auditSignature = auditSignature
  }

  /// What both signatures cover: a line that says what it is, then each field with its length in
  /// bytes, so that no two requests have the same bytes.
  package var signedBytes: [UInt8] {
    var text = "sallyport-agent-recovery-v1\n"
    for field in [agentID, "\(unixMilliseconds)", certificatePEM, csrPEM] {
      text += "\(field.utf8.count) \(field)\n"
    }
    return Array(text.utf8)
  }
}

package struct RecoverResponse: Codable, Sendable, Equatable {
  package var certificateChainPEM: String
  package var authoritiesPEM: String

  package init(certificateChainPEM: String, authoritiesPEM: String) {
    self.certificateChainPEM = certificateChainPEM
    self.authoritiesPEM = authoritiesPEM
  }
}
