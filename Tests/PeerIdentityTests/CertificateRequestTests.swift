import Crypto
import Foundation
import GatewayModel
import PeerIdentity
import Testing
import X509

@Suite struct CertificateRequestTests {
  let key = P256.Signing.PrivateKey()

  private func code(of pem: String) -> IdentityError.Code? {
    do {
      _ = try CertificateRequest(pem: pem)
      return nil
    } catch {
      return error.code
    }
  }

  @Test func requestGivesItsKey() throws {
    let pem = try CertificateRequest.make(key: key, commonName: "host")
    #expect(
      try CertificateRequest(pem: pem).publicKey.rawRepresentation
        == key.publicKey.rawRepresentation)
  }

  @Test func requestSignedByAnotherKeyIsRefused() throws {
    let signed = try CertificateSigningRequest(
      version: .v1, subject: DistinguishedName { CommonName("host") }, privateKey: .init(key),
      attributes: .init())
    let forged = try CertificateSigningRequest(
      version: .v1, subject: signed.subject,
      publicKey: .init(P256.Signing.PrivateKey().publicKey), attributes: .init(),
      signatureAlgorithm: signed.signatureAlgorithm, signature: signed.signature)
    #expect(code(of: try forged.serializeAsPEM().pemString) == .signature)
  }

  @Test func otherKindsOfKeyAreRefused() throws {
    let request = try CertificateSigningRequest(
      version: .v1, subject: DistinguishedName { CommonName("host") },
      privateKey: .init(P384.Signing.PrivateKey()), attributes: .init())
    #expect(code(of: try request.serializeAsPEM().pemString) == .key)
  }

  @Test func nonsenseIsRefused() throws {
    let pem = try CertificateRequest.make(key: key, commonName: "host")
    #expect(code(of: "") == .malformed)
    #expect(code(of: String(pem.dropLast(40))) == .malformed)
    #expect(code(of: pem.replacingOccurrences(of: "REQUEST", with: "BANANA")) == .malformed)
    #expect(
      code(of: pem + String(repeating: " ", count: CertificateRequest.maximumBytes)) == .malformed)
  }

  /// DER with any byte bent gives an error or the same key, and never a trap.
  @Test func bentRequestsNeverGiveAnotherKey() throws {
    let pem = try CertificateRequest.make(key: key, commonName: "host")
    let body = pem.split(separator: "\n").dropFirst().dropLast().joined()
    let der = Array(try #require(Data(base64Encoded: body)))
    for position in der.indices {
      for mask: UInt8 in [0x01, 0x80, 0xFF] {
        var bent = der
        bent[position] ^= mask
        let text =
          "-----BEGIN CERTIFICATE REQUEST-----\n\(Data(bent).base64EncodedString())\n"
          + "-----END CERTIFICATE REQUEST-----\n"
        if let request = try? CertificateRequest(pem: text) {
          #expect(request.publicKey.rawRepresentation == key.publicKey.rawRepresentation)
        }
      }
    }
  }
}
