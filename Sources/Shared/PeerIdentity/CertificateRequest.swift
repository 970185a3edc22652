package import Crypto
import SwiftASN1
import X509

/// A request for a certificate (PKCS #10, RFC 2986) whose signature was found good.
///
/// Only its key counts: names in a request are the wish of whoever made it, so the authority takes
/// them from elsewhere.
package struct CertificateRequest: Hashable, Sendable {
  /// A longer request is refused unread.
  package static let maximumBytes = 16 * 1024

  package let publicKey: P256.Signing.PublicKey

  /// Makes a request, in PEM.
  ///
  /// - Parameter commonName: For people who read the request; the authority ignores it.
  package static func make(
    key: P256.Signing.PrivateKey, commonName: String
  ) throws(IdentityError) -> String {
    do {
      let request = try CertificateSigningRequest(
        version: .v1, subject: try DistinguishedName { CommonName(commonName) },
        privateKey: .init(key), attributes: .init())
      return try request.serializeAsPEM().pemString
    } catch {
      throw IdentityError(
        code: .making, message: "making the certificate request failed: \(error)")
    }
  }

  /// Reads a request from PEM and checks that who made it holds its key.
  ///
  /// - Throws: ``IdentityError`` `malformed`, `key` (not P-256) or `signature`.
  package init(pem: String) throws(IdentityError) {
    guard pem.utf8.count <= Self.maximumBytes else {
      throw IdentityError(
        code: .malformed,
        message: "the certificate request is \(pem.utf8.count) bytes, over the limit of"
          + " \(Self.maximumBytes)")
    }
    let request: CertificateSigningRequest
    do {
      request = try CertificateSigningRequest(pemEncoded: pem)
    } catch {
      throw IdentityError(
        code: .malformed, message: "the certificate request is not PKCS #10 in PEM")
    }
    guard let key = P256.Signing.PublicKey(request.publicKey) else {
      throw IdentityError(
        code: .key, message: "the certificate request's key is not a P-256 key: make one")
    }
    guard request.publicKey.isValidSignature(request.signature, for: request) else {
      throw IdentityError(
        code: .signature,
        message: "the certificate request is not signed by the key in it")
    }
    publicKey = key
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.publicKey.rawRepresentation == right.publicKey.rawRepresentation
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(publicKey.rawRepresentation)
  }
}
