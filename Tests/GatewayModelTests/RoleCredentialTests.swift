import Foundation
import GatewayModel
import Testing

/// What is sealed is what is opened, and nothing else is taken for it.
@Suite struct RoleCredentialTests {
  private static let certificate = ClientCertificate(
    chainPEM: "chain ä\n", keyPEM: Secret(text: "key\n"))
  private static let all: [RoleCredential] = [
    .password(Secret([0, 255, 1])), .password(Secret([])), .certificate(certificate),
    .certificateAndPassword(certificate, Secret(text: "pw")),
    .certificateAndPassword(certificate, Secret([])),
  ]

  @Test(arguments: all)
  func readsWhatItWrote(_ credential: RoleCredential) {
    #expect(
      RoleCredential(plaintext: credential.plaintext, kind: credential.kind) == credential)
  }

  @Test func aPasswordStandsForItself() {
    #expect(RoleCredential.password(Secret(text: "pw")).plaintext == Secret(text: "pw"))
  }

  @Test func theFieldsStandBehindTheirLengths() {
    let short = RoleCredential.certificateAndPassword(
      ClientCertificate(chainPEM: "ab", keyPEM: Secret(text: "c")), Secret(text: "d"))
    #expect(short.plaintext.bytes == [0, 0, 0, 2, 97, 98, 0, 0, 0, 1, 99, 0, 0, 0, 1, 100])
  }

  @Test func noPartOfItAndNothingBehindItIsTaken() {
    for credential in Self.all where credential.kind != .password {
      let bytes = credential.plaintext.bytes
      for count in 0..<bytes.count {
        #expect(
          RoleCredential(plaintext: Secret(bytes.prefix(count)), kind: credential.kind) == nil)
      }
      #expect(RoleCredential(plaintext: Secret(bytes + [0]), kind: credential.kind) == nil)
    }
    let both = Self.all[3]
    #expect(RoleCredential(plaintext: both.plaintext, kind: .certificate) == nil)
  }

  @Test func absurdLengthsAreRefused() {
    for head in [[255, 255, 255, 255], [127, 255, 255, 255], [0, 0, 0, 9]] as [[UInt8]] {
      #expect(RoleCredential(plaintext: Secret(head + [1]), kind: .certificate) == nil)
    }
    for (chain, key) in [(0, 1), (1, 0), (65_537, 1), (1, 65_537)] {
      let credential = RoleCredential.certificate(
        ClientCertificate(
          chainPEM: String(repeating: "a", count: chain),
          keyPEM: Secret(Array(repeating: 1, count: key))))
      #expect(RoleCredential(plaintext: credential.plaintext, kind: .certificate) == nil)
    }
    #expect(
      RoleCredential(plaintext: Secret([0, 0, 0, 1, 255, 0, 0, 0, 1, 1]), kind: .certificate)
        == nil, "a chain is text")
  }

  @Test func noTextOfItShowsTheKey() {
    for credential in Self.all.dropFirst(2) {
      for text in ["\(credential)", String(reflecting: credential), String(dumping: credential)] {
        #expect(!text.contains("key\n") && !text.contains("107"))
      }
    }
  }

  // MARK: In a bundle

  private func json(_ kind: CredentialKind) throws -> String {
    let sealed = SealedCredential(
      agent: AgentID(Identifier128(high: 1, low: 2)), encapsulatedKey: "k", ciphertext: "c",
      kind: kind)
    return String(decoding: try JSONEncoder().encode(sealed), as: UTF8.self)
  }

  @Test func aPasswordIsWrittenAsItWasBeforeThereWereKinds() throws {
    let old = try json(.password)
    #expect(!old.contains("kind"))
    let read = try JSONDecoder().decode(SealedCredential.self, from: Data(old.utf8))
    #expect(read.sealedKind == .password)
    #expect(SealedCredential.info(of: .password) == "sallyport/credential/v1")
    #expect(
      SealedCredential.additionalData(connection: "a", role: "b", agent: "c")
        == Array("a\0b\0c".utf8))
  }

  @Test(arguments: [CredentialKind.certificate, .certificateAndPassword])
  func aCertificateIsBoundToItsKind(_ kind: CredentialKind) throws {
    let read = try JSONDecoder().decode(SealedCredential.self, from: Data(json(kind).utf8))
    #expect(read.sealedKind == kind)
    #expect(SealedCredential.info(of: kind) == "sallyport/credential/v2")
    #expect(
      SealedCredential.additionalData(connection: "a", role: "b", agent: "c", kind: kind)
        == Array("a\0b\0c\0\(kind.rawValue)".utf8))
  }
}

extension String {
  fileprivate init(dumping value: some Any) {
    var text = ""
    dump(value, to: &text)
    self = text
  }
}
