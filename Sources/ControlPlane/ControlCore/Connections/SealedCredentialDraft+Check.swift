internal import APIModel
internal import GatewayModel

extension SealedCredentialDraft {
  /// The most characters of a ciphertext in base64: of a password, and of a certificate's chain and
  /// key with a password, which have up to 64 KiB each in clear.
  private static let maximumPasswordCharacters = 8 * 1024
  private static let maximumCertificateCharacters = 184 * 1024

  /// The credential that the draft describes.
  ///
  /// - Throws: `invalid` naming the field.
  func checked(
    agents: Set<AgentID>, segment: String
  ) throws(ControlError) -> SealedCredential {
    let field = "roles.credentials"
    guard let id = Identifier128(text: agentID), agents.contains(AgentID(id)) else {
      throw ControlError(
        .invalid,
        "\(field).agentID: \"\(agentID.prefix(80))\" is no agent of the segment "
          + "\"\(segment)\".",
        remedy: "Seal the credential to the keys that the segment has now.")
    }
    guard let kind = CredentialKind(rawValue: kind ?? CredentialKind.password.rawValue) else {
      let kinds = CredentialKind.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw Check.invalid("\(field).kind", kind ?? "", "Use one of \(kinds), or leave it out.")
    }
    _ = try Check.base64(encapsulatedKey, bytes: 32, field: "\(field).encapsulatedKey")
    let most =
      kind.hasCertificate ? Self.maximumCertificateCharacters : Self.maximumPasswordCharacters
    guard ciphertext.utf8.count <= most, !ciphertext.isEmpty, Base64.isValid(ciphertext) else {
      throw ControlError(
        .invalid, "\(field).ciphertext: it is not base64, or longer than \(most / 1024) KiB.",
        remedy: "Send the sealed credential in base64.")
    }
    return SealedCredential(
      agent: AgentID(id), encapsulatedKey: encapsulatedKey, ciphertext: ciphertext, kind: kind)
  }
}
