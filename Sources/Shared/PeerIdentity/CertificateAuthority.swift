package import Crypto
import Foundation
package import GatewayModel
import SwiftASN1
import X509

/// The control plane's own authority: ECDSA P-256, profiles after RFC 5280.
package struct CertificateAuthority: Sendable {
  package static let lifetimeSeconds: Int64 = 10 * 365 * 86_400
  package static let serverLifetimeSeconds: Int64 = 397 * 86_400
  package static let agentLifetimeSeconds: Int64 = 86_400
  /// How far before `now` a certificate begins, for peers whose clock is behind.
  static let backdatingSeconds: Int64 = 300
  /// A short-lived certificate begins this part of its life before `now` at most, so that its half
  /// does not lie in the past.
  static let backdatedPart: Int64 = 10

  package let certificatePEM: String
  package let fingerprint: Fingerprint
  private let certificate: Certificate
  private let key: P256.Signing.PrivateKey

  /// Makes a new authority, self-signed and valid for ten years.
  ///
  /// - Parameter serial: From a random source; so in the functions below.
  package static func create(
    organisation: String, key: P256.Signing.PrivateKey, serial: Identifier128, now: WallTime
  ) throws(IdentityError) -> CertificateAuthority {
    do {
      let name = try DistinguishedName {
        OrganizationName(organisation)
        CommonName("Sallyport authority")
      }
      let signing = Certificate.PrivateKey(key)
      let certificate = try Certificate(
        version: .v3, serialNumber: serialNumber(serial), publicKey: signing.publicKey,
        notValidBefore: now.advanced(bySeconds: -backdatingSeconds).date,
        notValidAfter: now.advanced(bySeconds: lifetimeSeconds).date,
        issuer: name, subject: name,
        extensions: try Certificate.Extensions {
          Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
          Critical(KeyUsage(keyCertSign: true, cRLSign: true))
          SubjectKeyIdentifier(hash: signing.publicKey)
        },
        issuerPrivateKey: signing)
      return try CertificateAuthority(certificate: certificate, key: key)
    } catch {
      throw IdentityError(
        code: .making, message: "making the authority of \"\(organisation)\" failed: \(error)")
    }
  }

  /// Reads an authority that was made before.
  ///
  /// - Throws: ``IdentityError`` `malformed` or `key` when the key is not the certificate's.
  package init(certificatePEM: String, privateKeyPEM: Secret) throws(IdentityError) {
    let certificate: Certificate
    let key: P256.Signing.PrivateKey
    do {
      certificate = try Certificate(pemEncoded: certificatePEM)
    } catch {
      throw IdentityError(
        code: .malformed, message: "the authority's certificate is not X.509 in PEM")
    }
    do {
      key = try P256.Signing.PrivateKey(pemRepresentation: privateKeyPEM.text)
    } catch {
      throw IdentityError(
        code: .malformed, message: "the authority's key is not a P-256 private key in PEM")
    }
    guard
      P256.Signing.PublicKey(certificate.publicKey)?.rawRepresentation
        == key.publicKey.rawRepresentation
    else {
      throw IdentityError(
        code: .key, message: "the authority's key does not belong to its certificate")
    }
    do {
      self = try CertificateAuthority(certificate: certificate, key: key)
    } catch {
      throw IdentityError(
        code: .malformed, message: "the authority's certificate cannot be encoded: \(error)")
    }
  }

  /// The authority's private key in PEM (PKCS #8), for who stores it.
  package var privateKeyPEM: Secret { Secret(text: key.pemRepresentation) }

  /// Issues a certificate for a server of the control plane.
  ///
  /// - Parameter hosts: DNS names and addresses; at least one.
  package func serverCertificate(
    for publicKey: P256.Signing.PublicKey, hosts: [String], serial: Identifier128, now: WallTime,
    lifetimeSeconds: Int64 = serverLifetimeSeconds
  ) throws(IdentityError) -> IssuedCertificate {
    guard let first = hosts.first else {
      throw IdentityError(
        code: .name, message: "a server certificate needs at least one name: give its host name")
    }
    return try issue(
      publicKey: publicKey, commonName: first, names: try Self.names(hosts),
      usages: [.serverAuth], serial: serial, now: now, lifetimeSeconds: lifetimeSeconds)
  }

  /// Issues an agent's certificate, with which it dials the control plane and serves clients.
  ///
  /// - Parameters:
  ///   - request: Gives its key and nothing else.
  ///   - hosts: The names and addresses clients may reach the agent by, as the control plane
  ///     knows them from the invitation.
  ///   - generation: The how manieth certificate of the agent it is; 0 leaves it out.
  package func agentCertificate(
    for request: CertificateRequest, identity: AgentIdentity, hosts: [String],
    serial: Identifier128, now: WallTime, lifetimeSeconds: Int64 = agentLifetimeSeconds,
    generation: UInt64 = 0
  ) throws(IdentityError) -> IssuedCertificate {
    var names = try Self.names(hosts)
    names.append(.uniformResourceIdentifier(identity.uri))
    return try issue(
      publicKey: request.publicKey, commonName: identity.agent.description, names: names,
      usages: [.clientAuth, .serverAuth], serial: serial, now: now,
      lifetimeSeconds: lifetimeSeconds, generation: generation)
  }

  private init(certificate: Certificate, key: P256.Signing.PrivateKey) throws {
    self.certificate = certificate
    self.key = key
    let document = try certificate.serializeAsPEM()
    certificatePEM = document.pemString
    fingerprint = Fingerprint(der: document.derBytes)
  }

  private func issue(
    publicKey: P256.Signing.PublicKey, commonName: String, names: [GeneralName],
    usages: [ExtendedKeyUsage.Usage], serial: Identifier128, now: WallTime, lifetimeSeconds: Int64,
    generation: UInt64 = 0
  ) throws(IdentityError) -> IssuedCertificate {
    guard lifetimeSeconds > 0 else {
      throw IdentityError(
        code: .making, message: "a certificate cannot live \(lifetimeSeconds) seconds")
    }
    do {
      let key = Certificate.PublicKey(publicKey)
      // Never past the authority's own end, which would make it valid and yet unverifiable.
      let notAfter = min(
        now.advanced(bySeconds: lifetimeSeconds).date, certificate.notValidAfter)
      let issued = try Certificate(
        version: .v3, serialNumber: Self.serialNumber(serial), publicKey: key,
        notValidBefore: now.advanced(
          bySeconds: -min(Self.backdatingSeconds, lifetimeSeconds / Self.backdatedPart)
        ).date,
        notValidAfter: notAfter, issuer: certificate.subject,
        subject: try Self.subject(commonName, generation: generation),
        extensions: try Certificate.Extensions {
          Critical(BasicConstraints.notCertificateAuthority)
          Critical(KeyUsage(digitalSignature: true))
          try ExtendedKeyUsage(usages)
          SubjectAlternativeNames(names)
          SubjectKeyIdentifier(hash: key)
          AuthorityKeyIdentifier(
            keyIdentifier: SubjectKeyIdentifier(hash: certificate.publicKey).keyIdentifier)
        },
        issuerPrivateKey: .init(self.key))
      let document = try issued.serializeAsPEM()
      return IssuedCertificate(
        chainPEM: document.pemString, fingerprint: Fingerprint(der: document.derBytes),
        notAfter: WallTime(saturating: notAfter))
    } catch {
      throw IdentityError(
        code: .making, message: "issuing a certificate for \"\(commonName)\" failed: \(error)")
    }
  }

  /// The generation stands in the subject, which older programs do not read: in a name of the
  /// subject's alternatives they would no longer find the agent.
  private static func subject(
    _ commonName: String, generation: UInt64
  ) throws -> DistinguishedName {
    // RFC 5280 appendix A.1 allows 64 characters in a common name.
    let name = CommonName(String(commonName.prefix(64)))
    guard generation > 0 else { return try DistinguishedName { name } }
    return try DistinguishedName {
      name
      OrganizationalUnitName("\(PeerCertificate.generationPrefix)\(generation)")
    }
  }

  /// Whether this authority signed a certificate; its validity in time is not looked at.
  package func issued(_ certificate: PeerCertificate) -> Bool {
    certificate.isSigned(by: self.certificate)
  }

  private static func names(_ hosts: [String]) throws(IdentityError) -> [GeneralName] {
    var names: [GeneralName] = []
    for host in hosts {
      let name = try HostName.generalName(host)
      if !names.contains(name) { names.append(name) }
    }
    return names
  }

  /// 16 bytes, positive and never zero (RFC 5280 section 4.1.2.2).
  private static func serialNumber(_ serial: Identifier128) -> Certificate.SerialNumber {
    let positive = serial.high & 0x7FFF_FFFF_FFFF_FFFF | 0x4000_0000_0000_0000
    return .init(bytes: Identifier128(high: positive, low: serial.low).bytes)
  }
}

/// A certificate that was just issued.
package struct IssuedCertificate: Hashable, Sendable {
  /// The certificate in PEM; the authority's own is not in it, since peers have that.
  package let chainPEM: String
  package let fingerprint: Fingerprint
  package let notAfter: WallTime
}

extension WallTime {
  /// Saturates.
  func advanced(bySeconds seconds: Int64) -> WallTime {
    let (product, tooFar) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflow) = unixNanoseconds.addingReportingOverflow(product)
    guard !tooFar, !overflow else { return WallTime(unixNanoseconds: seconds < 0 ? .min : .max) }
    return WallTime(unixNanoseconds: sum)
  }
}
