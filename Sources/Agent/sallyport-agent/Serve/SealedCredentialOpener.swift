import Crypto
import Foundation
import GatewayModel

/// Opens the credentials of database roles that were sealed to this agent; see `SealedCredential`.
struct SealedCredentialOpener: Sendable {
  private let agent: AgentID
  private let key: Curve25519.KeyAgreement.PrivateKey

  /// - Throws: ``StartFailure`` when the key is not an X25519 key.
  init(agent: AgentID, sealingKey: Secret) throws {
    self.agent = agent
    do {
      key = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: sealingKey.bytes)
    } catch {
      throw StartFailure(
        .configuration,
        "the agent's sealing key is damaged: enrol the agent again in an empty state folder")
    }
  }

  /// - Throws: ``CredentialFailure``, which names the connection and the role only.
  func open(_ connection: Connection, role name: String) throws(CredentialFailure) -> RoleCredential
  {
    guard
      let sealed = connection.roles.first(where: { $0.name == name })?.credentials
        .first(where: { $0.agent == agent })
    else {
      throw CredentialFailure(
        message: "role \"\(name)\" of connection \"\(connection.name)\" has no credential sealed to"
          + " this agent: add the connection again with `sallyport connections add --replace`")
    }
    guard let encapsulated = Data(base64Encoded: sealed.encapsulatedKey),
      let ciphertext = Data(base64Encoded: sealed.ciphertext)
    else { throw unopened(connection, name) }
    let kind = sealed.sealedKind
    let plaintext: Secret
    do {
      var recipient = try HPKE.Recipient(
        privateKey: key, ciphersuite: .Curve25519_SHA256_ChachaPoly,
        info: Data(SealedCredential.info(of: kind).utf8), encapsulatedKey: encapsulated)
      plaintext = Secret(
        try recipient.open(
          ciphertext,
          authenticating: SealedCredential.additionalData(
            connection: connection.name, role: name, agent: agent.description, kind: kind)))
    } catch {
      throw unopened(connection, name)
    }
    guard let credential = RoleCredential(plaintext: plaintext, kind: kind) else {
      throw CredentialFailure(
        message: "the credential of role \"\(name)\" of connection \"\(connection.name)\" opens and"
          + " is no \(kind.rawValue): add the connection again with `sallyport connections add"
          + " --replace`")
    }
    return credential
  }

  private func unopened(_ connection: Connection, _ role: String) -> CredentialFailure {
    CredentialFailure(
      message: "the credential of role \"\(role)\" of connection \"\(connection.name)\" does not"
        + " open with this agent's key: add the connection again with `sallyport connections add"
        + " --replace`")
  }
}

/// Why a credential could not be used.
struct CredentialFailure: Error, CustomStringConvertible {
  var message: String
  var description: String { message }
}
