import APIModel
import Crypto
import Foundation
import GatewayModel
import Testing

@testable import sallyport

struct CredentialSealingTests {
  private let key = Curve25519.KeyAgreement.PrivateKey()
  private let agent = "0190a6f2-7c3e-7d41-9a55-2f1f0c7a9b10"

  private var sealingKey: SealingKey {
    SealingKey(
      agentID: agent.uppercased(),
      publicKey: key.publicKey.rawRepresentation.base64EncodedString())
  }

  /// Opens a credential as GatewayModel documents it for the agent.
  private func open(
    _ draft: SealedCredentialDraft, connection: String, role: String, agent: String
  ) throws -> String {
    var recipient = try HPKE.Recipient(
      privateKey: key,
      ciphersuite: HPKE.Ciphersuite(
        kem: .Curve25519_HKDF_SHA256, kdf: .HKDF_SHA256, aead: .chaChaPoly),
      info: Data("sallyport/credential/v1".utf8),
      encapsulatedKey: try #require(Data(base64Encoded: draft.encapsulatedKey)))
    let plain = try recipient.open(
      try #require(Data(base64Encoded: draft.ciphertext)),
      authenticating: Data("\(connection)\0\(role)\0\(agent)".utf8))
    return String(decoding: plain, as: UTF8.self)
  }

  @Test func theAgentCanOpenIt() throws {
    let sealed = try CredentialSealing.seal(
      .password(Secret(text: "pä ss")), connection: "orders", role: "app",
      to: [sealingKey, sealingKey])
    #expect(sealed.count == 2)
    #expect(sealed[0].ciphertext != sealed[1].ciphertext)
    #expect(sealed[0].agentID == agent)
    #expect(try open(sealed[0], connection: "orders", role: "app", agent: agent) == "pä ss")
  }

  @Test func aCertificateIsOpenedAsWhatItIs() throws {
    let credential = RoleCredential.certificateAndPassword(
      ClientCertificate(chainPEM: "chain", keyPEM: Secret(text: "key")), Secret(text: "pw"))
    let sealed = try #require(
      try CredentialSealing.seal(
        credential, connection: "orders", role: "app", to: [sealingKey]
      ).first)
    #expect(sealed.kind == "certificate+password")
    func plain(_ kind: CredentialKind) throws -> RoleCredential? {
      var recipient = try HPKE.Recipient(
        privateKey: key, ciphersuite: .Curve25519_SHA256_ChachaPoly,
        info: Data(SealedCredential.info(of: kind).utf8),
        encapsulatedKey: try #require(Data(base64Encoded: sealed.encapsulatedKey)))
      let bytes = try recipient.open(
        try #require(Data(base64Encoded: sealed.ciphertext)),
        authenticating: SealedCredential.additionalData(
          connection: "orders", role: "app", agent: agent, kind: kind))
      return RoleCredential(plaintext: Secret(bytes), kind: kind)
    }
    #expect(try plain(.certificateAndPassword) == credential)
    // Who writes another kind beside the ciphertext does not get it opened as that.
    #expect(throws: (any Error).self) { try plain(.certificate) }
    #expect(throws: (any Error).self) { try plain(.password) }
  }

  @Test func itCannotBeMoved() throws {
    let sealed = try #require(
      try CredentialSealing.seal(
        .password(Secret(text: "x")), connection: "orders", role: "app", to: [sealingKey]
      ).first)
    #expect(throws: (any Error).self) {
      try open(sealed, connection: "payroll", role: "app", agent: agent)
    }
    #expect(throws: (any Error).self) {
      try open(sealed, connection: "orders", role: "owner", agent: agent)
    }
    #expect(throws: (any Error).self) {
      try open(sealed, connection: "orders", role: "app", agent: "x")
    }
  }

  @Test(arguments: ["", "!", "AAAA", Data(repeating: 1, count: 33).base64EncodedString()])
  func aBadKeyIsNamed(publicKey: String) {
    let failure = #expect(throws: CLIFailure.self) {
      try CredentialSealing.seal(
        .password(Secret(text: "hunter2")), connection: "orders", role: "app",
        to: [SealingKey(agentID: agent, publicKey: publicKey)])
    }
    #expect(failure?.message.contains(agent) == true)
    #expect(failure?.message.contains("hunter2") == false)
  }
}
