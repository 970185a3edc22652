import APIModel
import Crypto
import Foundation
import GatewayModel

/// Seals the credentials of database roles to the agents that will use them, so that the control plane only
/// ever sees ciphertext: see `GatewayModel.SealedCredential`.
enum CredentialSealing {
  /// One ciphertext for each key.
  ///
  /// - Throws: When an agent's key is not an X25519 key.
  static func seal(
    _ credential: RoleCredential, connection: String, role: String, to keys: [SealingKey]
  ) throws(CLIFailure) -> [SealedCredentialDraft] {
    var sealed: [SealedCredentialDraft] = []
    for key in keys {
      sealed.append(try seal(credential, connection: connection, role: role, to: key))
    }
    return sealed
  }

  private static func seal(
    _ credential: RoleCredential, connection: String, role: String, to key: SealingKey
  ) throws(CLIFailure) -> SealedCredentialDraft {
    do {
      guard let raw = Data(base64Encoded: key.publicKey),
        let agent = Identifier128(text: key.agentID)
      else { throw CryptoKitError.incorrectParameterSize }
      let recipient = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: raw)
      var sender = try HPKE.Sender(
        recipientKey: recipient, ciphersuite: .Curve25519_SHA256_ChachaPoly,
        info: Data(SealedCredential.info(of: credential.kind).utf8))
      // The agent's id in its canonical form, as the agent writes it when it opens this.
      let bound = SealedCredential.additionalData(
        connection: connection, role: role, agent: AgentID(agent).description,
        kind: credential.kind)
      let ciphertext = try sender.seal(credential.plaintext.bytes, authenticating: bound)
      return SealedCredentialDraft(
        agentID: AgentID(agent).description,
        encapsulatedKey: sender.encapsulatedKey.base64EncodedString(),
        ciphertext: ciphertext.base64EncodedString(),
        kind: credential.kind == .password ? nil : credential.kind.rawValue)
    } catch {
      throw CLIFailure(
        .failed, "the sealing key of agent \"\(key.agentID)\" cannot be used",
        remedy: "remove the agent and enrol it again")
    }
  }
}
