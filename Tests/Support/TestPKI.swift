import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import X509

/// An authority of a test's own, with its certificates as PEM files of a scratch folder.
package struct TestPKI: Sendable {
  /// A certificate with its key.
  package struct Leaf: Sendable {
    package let certificatePEM: String
    package let keyPEM: String
    /// Paths of the two as files; only the owner may read the key.
    package let certificateFile: String
    package let keyFile: String
    package let der: [UInt8]
  }

  package enum Usage: Sendable { case server, client }

  package let authorityPEM: String
  package let authorityFile: String
  private let authority: Certificate
  private let key: P256.Signing.PrivateKey
  private let folder: ScratchFolder

  package init(name: String = "Test authority") throws {
    folder = try ScratchFolder("pki")
    key = P256.Signing.PrivateKey()
    let subject = try DistinguishedName { CommonName(name) }
    let signing = Certificate.PrivateKey(key)
    authority = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: signing.publicKey,
      notValidBefore: Date(timeIntervalSinceNow: -3600),
      notValidAfter: Date(timeIntervalSinceNow: 86_400), issuer: subject, subject: subject,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true, cRLSign: true))
        SubjectKeyIdentifier(hash: signing.publicKey)
      },
      issuerPrivateKey: signing)
    authorityPEM = try authority.serializeAsPEM().pemString
    authorityFile = try folder.write(authorityPEM, to: "authority.pem")
  }

  /// Issues a certificate for names and IPv4 addresses.
  ///
  /// - Parameter validity: Seconds from now, before and after; a past range makes an expired one.
  package func issue(
    _ hosts: [String] = ["127.0.0.1", "localhost"], usage: Usage = .server,
    commonName: String? = nil, validity: ClosedRange<TimeInterval> = -3600...86_400
  ) throws -> Leaf {
    let leafKey = P256.Signing.PrivateKey()
    let names = hosts.map { host -> GeneralName in
      let octets = host.split(separator: ".").compactMap { UInt8($0) }
      return octets.count == 4
        ? .ipAddress(ASN1OctetString(contentBytes: octets[...])) : .dnsName(host)
    }
    let publicKey = Certificate.PublicKey(leafKey.publicKey)
    let certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: publicKey,
      notValidBefore: Date(timeIntervalSinceNow: validity.lowerBound),
      notValidAfter: Date(timeIntervalSinceNow: validity.upperBound),
      issuer: authority.subject,
      subject: try DistinguishedName { CommonName(commonName ?? hosts.first ?? "test") },
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([usage == .server ? .serverAuth : .clientAuth])
        SubjectAlternativeNames(names)
      },
      issuerPrivateKey: .init(key))
    let document = try certificate.serializeAsPEM()
    let label = "\(UInt32.random(in: 0 ... .max))"
    return Leaf(
      certificatePEM: document.pemString, keyPEM: leafKey.pemRepresentation,
      certificateFile: try folder.write(document.pemString, to: "\(label).crt"),
      keyFile: try folder.write(leafKey.pemRepresentation, to: "\(label).key"),
      der: document.derBytes)
  }

  /// TLS for a client that trusts the authorities of a PEM file alone.
  package static func clientContext(trusting file: String) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .file(file)
    return try NIOSSLContext(configuration: configuration)
  }

  /// TLS for a client that trusts this authority alone.
  package func clientContext(
    certificate: Leaf? = nil, applicationProtocols: [String] = [],
    verification: CertificateVerification = .fullVerification
  ) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .certificates(
      try NIOSSLCertificate.fromPEMBytes(Array(authorityPEM.utf8)))
    configuration.certificateVerification = verification
    configuration.applicationProtocols = applicationProtocols
    if let certificate {
      configuration.certificateChain = try Self.chain(certificate)
      configuration.privateKey = .privateKey(try Self.privateKey(certificate))
    }
    return try NIOSSLContext(configuration: configuration)
  }

  /// TLS for a server with one of this authority's certificates.
  package func serverContext(
    _ leaf: Leaf, applicationProtocols: [String] = []
  ) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try Self.chain(leaf), privateKey: .privateKey(try Self.privateKey(leaf)))
    configuration.applicationProtocols = applicationProtocols
    return try NIOSSLContext(configuration: configuration)
  }

  private static func chain(_ leaf: Leaf) throws -> [NIOSSLCertificateSource] {
    try NIOSSLCertificate.fromPEMBytes(Array(leaf.certificatePEM.utf8)).map { .certificate($0) }
  }

  private static func privateKey(_ leaf: Leaf) throws -> NIOSSLPrivateKey {
    try NIOSSLPrivateKey(bytes: Array(leaf.keyPEM.utf8), format: .pem)
  }
}
