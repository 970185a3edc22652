import Crypto
import Foundation
import GatewayModel
import PeerIdentity
import Testing
@_spi(FixedExpiryValidationTime) import X509

@Suite struct CertificateAuthorityTests {
  static let now = WallTime(unixNanoseconds: 1_790_000_000_000_000_000)
  static let serial = Identifier128(high: 0xF000_0000_0000_0001, low: 2)
  static let agent = AgentID(Identifier128(high: 0x0198_F1E0_0000_7000, low: 0x8000_0000_0000_0001))

  let authority: CertificateAuthority
  let identity: AgentIdentity
  let agentKey = P256.Signing.PrivateKey()

  init() throws {
    authority = try CertificateAuthority.create(
      organisation: "example", key: P256.Signing.PrivateKey(), serial: Self.serial, now: Self.now)
    identity = try AgentIdentity(organisation: "example", segment: "prod-eu", agent: Self.agent)
  }

  private func issue(
    hosts: [String] = ["db-gate.example.com", "10.0.0.7", "::1"], lifetime: Int64 = 86_400
  ) throws -> IssuedCertificate {
    let request = try CertificateRequest(
      pem: try CertificateRequest.make(key: agentKey, commonName: "evil.example.com"))
    return try authority.agentCertificate(
      for: request, identity: identity, hosts: hosts, serial: Self.serial, now: Self.now,
      lifetimeSeconds: lifetime)
  }

  private func verify(
    _ leafPEM: String, by authority: CertificateAuthority, at time: WallTime = now
  ) async throws -> Bool {
    let date = Date(timeIntervalSince1970: Double(time.unixNanoseconds) / 1e9)
    var verifier = Verifier(
      rootCertificates: CertificateStore([try Certificate(pemEncoded: authority.certificatePEM)])
    ) { RFC5280Policy(fixedExpiryValidationTime: date) }
    let result = await verifier.validate(
      leaf: try Certificate(pemEncoded: leafPEM), intermediates: CertificateStore())
    if case .validCertificate = result { return true }
    return false
  }

  @Test func agentCertificateVerifiesAgainstItsAuthorityOnly() async throws {
    let issued = try issue()
    #expect(try await verify(issued.chainPEM, by: authority))
    let other = try CertificateAuthority.create(
      organisation: "example", key: P256.Signing.PrivateKey(), serial: Self.serial, now: Self.now)
    #expect(try await !verify(issued.chainPEM, by: other))
    let tooLate = WallTime(unixNanoseconds: Self.now.unixNanoseconds + 86_401 * 1_000_000_000)
    #expect(try await !verify(issued.chainPEM, by: authority, at: tooLate))
  }

  @Test func agentCertificateNamesTheAgentAndNotWhatTheRequestWished() throws {
    let issued = try issue()
    let certificate = try PeerCertificate(firstOfPEM: issued.chainPEM)
    #expect(try certificate.agentIdentity() == identity)
    #expect(certificate.hosts == ["db-gate.example.com", "10.0.0.7", "::1"])
    #expect(
      certificate.uris
        == ["spiffe://example/segment/prod-eu/agent/0198f1e0-0000-7000-8000-000000000001"])
    #expect(certificate.fingerprint == issued.fingerprint)
    #expect(certificate.notAfter == issued.notAfter)
    #expect(issued.notAfter.unixNanoseconds == Self.now.unixNanoseconds + 86_400 * 1_000_000_000)
    #expect(!issued.chainPEM.contains("evil"))
    let parsed = try Certificate(pemEncoded: issued.chainPEM)
    #expect(!parsed.subject.description.contains("evil"))
  }

  @Test func profileIsThatOfALeafForBothSides() throws {
    let parsed = try Certificate(pemEncoded: try issue().chainPEM)
    let usage = try #require(try parsed.extensions.extendedKeyUsage)
    #expect(usage.contains(.clientAuth))
    #expect(usage.contains(.serverAuth))
    #expect(try parsed.extensions.basicConstraints == .notCertificateAuthority)
    #expect(try parsed.extensions.keyUsage == KeyUsage(digitalSignature: true))
    #expect(parsed.serialNumber.bytes.first.map { $0 & 0x80 } == 0)
  }

  @Test func serverCertificateIsForServersOnly() async throws {
    let key = P256.Signing.PrivateKey()
    let issued = try authority.serverCertificate(
      for: key.publicKey, hosts: ["localhost", "127.0.0.1", "localhost"], serial: Self.serial,
      now: Self.now)
    #expect(try await verify(issued.chainPEM, by: authority))
    let usage = try #require(
      try Certificate(pemEncoded: issued.chainPEM).extensions.extendedKeyUsage)
    #expect(!usage.contains(.clientAuth))
    let certificate = try PeerCertificate(firstOfPEM: issued.chainPEM)
    #expect(certificate.hosts == ["localhost", "127.0.0.1"])
    let error = #expect(throws: IdentityError.self) { try certificate.agentIdentity() }
    #expect(error?.code == .notAnAgent)
    #expect(throws: IdentityError.self) {
      try authority.serverCertificate(
        for: key.publicKey, hosts: [], serial: Self.serial, now: Self.now)
    }
  }

  @Test func leafNeverOutlivesItsAuthority() throws {
    let authorityEnd = try PeerCertificate(firstOfPEM: authority.certificatePEM).notAfter
    #expect(try issue(lifetime: 100 * 365 * 86_400).notAfter == authorityEnd)
    #expect(throws: IdentityError.self) { try issue(lifetime: 0) }
  }

  @Test(arguments: [
    "", "a b", "host..example", "*.example.com", "host/", "a\u{0}b", "ünicode.example",
  ])
  func namesThatCannotStandInACertificate(host: String) {
    let error = #expect(throws: IdentityError.self) { try issue(hosts: [host]) }
    #expect(error?.code == .name)
  }

  @Test func authorityIsReadBack() throws {
    let read = try CertificateAuthority(
      certificatePEM: authority.certificatePEM, privateKeyPEM: authority.privateKeyPEM)
    #expect(read.fingerprint == authority.fingerprint)
    let der = try PeerCertificate.derOfEach(inPEM: authority.certificatePEM)
    #expect(der.count == 1)
    #expect(Fingerprint(der: der[0]) == authority.fingerprint)
  }

  @Test func authorityWithAnotherKeyIsRefused() {
    let key = Secret(text: P256.Signing.PrivateKey().pemRepresentation)
    let error = #expect(throws: IdentityError.self) {
      try CertificateAuthority(certificatePEM: authority.certificatePEM, privateKeyPEM: key)
    }
    #expect(error?.code == .key)
    for (certificate, key) in [
      ("", authority.privateKeyPEM), (authority.certificatePEM, Secret(text: "")),
      ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", authority.privateKeyPEM),
    ] {
      #expect(throws: IdentityError.self) {
        try CertificateAuthority(certificatePEM: certificate, privateKeyPEM: key)
      }
    }
  }

  @Test func certificateKnowsItsKey() throws {
    let certificate = try PeerCertificate(firstOfPEM: try issue().chainPEM)
    #expect(certificate.belongs(toKeyPEM: Secret(text: agentKey.pemRepresentation)))
    #expect(
      !certificate.belongs(toKeyPEM: Secret(text: P256.Signing.PrivateKey().pemRepresentation)))
    #expect(!certificate.belongs(toKeyPEM: Secret(text: "")))
  }

  @Test func halfLifeIsInTheMiddle() throws {
    let certificate = try PeerCertificate(firstOfPEM: try issue().chainPEM)
    let middle =
      (certificate.notBefore.unixNanoseconds / 2) + (certificate.notAfter.unixNanoseconds / 2)
    #expect(certificate.halfLife.unixNanoseconds == middle)
  }
}
