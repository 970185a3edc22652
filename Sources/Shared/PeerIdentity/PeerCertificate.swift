internal import Crypto
import Foundation
package import GatewayModel
import SwiftASN1
import X509

/// What is read from a certificate that a peer showed or that was issued.
///
/// Reading it proves nothing: that a trusted authority issued it is checked by TLS.
package struct PeerCertificate: Sendable {
  package let fingerprint: Fingerprint
  package let notBefore: WallTime
  package let notAfter: WallTime
  /// The URI names.
  package let uris: [String]
  /// The DNS names and, in text, the addresses.
  package let hosts: [String]
  /// The how manieth certificate of its agent it is; 0 when it does not say.
  package let generation: UInt64
  /// The raw P-256 public key; `nil` for any other kind.
  private let publicKey: Data?
  private let certificate: Certificate

  static let generationPrefix = "generation "

  /// - Throws: ``IdentityError`` `malformed`.
  package init(der: [UInt8]) throws(IdentityError) {
    do {
      try self.init(certificate: Certificate(derEncoded: der), der: der)
    } catch {
      throw IdentityError(code: .malformed, message: "the certificate is not X.509 in DER")
    }
  }

  /// Reads the first certificate of a PEM text.
  ///
  /// - Throws: ``IdentityError`` `malformed`.
  package init(firstOfPEM pem: String) throws(IdentityError) {
    guard let first = try Self.derOfEach(inPEM: pem).first else {
      throw IdentityError(code: .malformed, message: "the text has no certificate in PEM")
    }
    try self.init(der: first)
  }

  /// The DER of each certificate of a PEM text, in order; other PEM sections are left out.
  ///
  /// - Throws: ``IdentityError`` `malformed`.
  package static func derOfEach(inPEM pem: String) throws(IdentityError) -> [[UInt8]] {
    do {
      return try PEMDocument.parseMultiple(pemString: pem)
        .filter { $0.discriminator == Certificate.defaultPEMDiscriminator }
        .map(\.derBytes)
    } catch {
      throw IdentityError(code: .malformed, message: "the text is not PEM")
    }
  }

  /// The agent this certificate is of.
  ///
  /// - Throws: ``IdentityError`` `notAnAgent` unless there is exactly one URI name and it is an
  ///   agent's.
  package func agentIdentity() throws(IdentityError) -> AgentIdentity {
    guard uris.count == 1, let identity = AgentIdentity(uri: uris[0]) else {
      throw IdentityError(
        code: .notAnAgent,
        message: "the certificate \(fingerprint) is not an agent's: its URI names are"
          + " \(uris.prefix(4).map { String($0.prefix(200)) })")
    }
    return identity
  }

  /// Whether a P-256 private key in PEM belongs to this certificate.
  package func belongs(toKeyPEM pem: Secret) -> Bool {
    guard let publicKey, let key = try? P256.Signing.PrivateKey(pemRepresentation: pem.text)
    else { return false }
    return key.publicKey.rawRepresentation == publicKey
  }

  /// Whether the holder of the certificate's key signed `bytes` (ECDSA over P-256 and SHA-256).
  ///
  /// - Parameter signature: In DER.
  package func isValidSignature(_ signature: [UInt8], for bytes: [UInt8]) -> Bool {
    guard let publicKey, let key = try? P256.Signing.PublicKey(rawRepresentation: publicKey),
      let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature)
    else { return false }
    return key.isValidSignature(signature, for: bytes)
  }

  /// 0 unless the subject has a generation that is one.
  private static func generation(of subject: DistinguishedName) -> UInt64 {
    for part in subject {
      for attribute in part
      where attribute.type == ASN1ObjectIdentifier.RDNAttributeType.organizationalUnitName {
        guard let text = String(attribute.value), text.hasPrefix(generationPrefix),
          let number = Int64(text.dropFirst(generationPrefix.count))
        else { continue }
        return UInt64(clamping: number)
      }
    }
    return 0
  }

  func isSigned(by authority: Certificate) -> Bool {
    authority.publicKey.isValidSignature(certificate.signature, for: certificate)
  }

  /// When half of its validity is over, which is when an agent asks for the next one.
  package var halfLife: WallTime {
    let length = notAfter.unixNanoseconds.subtractingReportingOverflow(notBefore.unixNanoseconds)
    guard !length.overflow, length.partialValue > 0 else { return notBefore }
    return WallTime(unixNanoseconds: notBefore.unixNanoseconds + length.partialValue / 2)
  }

  init(certificate: Certificate, der: [UInt8]) throws {
    fingerprint = Fingerprint(der: der)
    notBefore = WallTime(saturating: certificate.notValidBefore)
    notAfter = WallTime(saturating: certificate.notValidAfter)
    var uris: [String] = []
    var hosts: [String] = []
    for name in try certificate.extensions.subjectAlternativeNames ?? .init() {
      switch name {
      case .uniformResourceIdentifier(let uri): uris.append(uri)
      case .dnsName(let name): hosts.append(name)
      case .ipAddress(let address):
        if let text = HostName.text(ofAddress: Array(address.bytes)) { hosts.append(text) }
      default: continue
      }
    }
    self.uris = uris
    self.hosts = hosts
    self.certificate = certificate
    generation = Self.generation(of: certificate.subject)
    publicKey = P256.Signing.PublicKey(certificate.publicKey)?.rawRepresentation
  }
}

extension WallTime {
  /// Saturates: a certificate may carry any year up to 9999, which nanoseconds cannot hold.
  init(saturating date: Date) {
    let nanoseconds = date.timeIntervalSince1970 * 1e9
    if nanoseconds >= 0x1p63 {
      self.init(unixNanoseconds: .max)
    } else if nanoseconds < -0x1p63 {
      self.init(unixNanoseconds: .min)
    } else {
      self.init(unixNanoseconds: Int64(nanoseconds))
    }
  }

  var date: Date { Date(timeIntervalSince1970: Double(unixNanoseconds) / 1e9) }
}
