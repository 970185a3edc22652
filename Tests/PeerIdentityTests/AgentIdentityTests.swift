import GatewayModel
import PeerIdentity
import Testing

@Suite struct AgentIdentityTests {
  private let agent = AgentID(Identifier128(high: 0x0123_4567_89AB_CDEF, low: 1))

  @Test func uriIsReadBack() throws {
    let identity = try AgentIdentity(
      organisation: "acme.example", segment: "prod_eu-1", agent: agent)
    #expect(
      identity.uri
        == "spiffe://acme.example/segment/prod_eu-1/agent/01234567-89ab-cdef-0000-000000000001")
    #expect(AgentIdentity(uri: identity.uri) == identity)
  }

  @Test(arguments: ["", "a/b", "a b", "ä", String(repeating: "a", count: 129), "a%2Fb", "a\n"])
  func namesThatCannotStandInAURI(name: String) {
    #expect(throws: IdentityError.self) {
      try AgentIdentity(organisation: name, segment: "s", agent: agent)
    }
    #expect(throws: IdentityError.self) {
      try AgentIdentity(organisation: "o", segment: name, agent: agent)
    }
  }

  @Test(arguments: [
    "", "spiffe://o/segment/s/agent/", "spiffe://o/segment/s/agent/xyz",
    "spiffe://o/segment/s/agent/0123456789abcdef0000000000000001",
    "spiffe://o/segment/s/agent/01234567-89AB-cdef-0000-000000000001",
    "spiffe://o/segment/s/agent/01234567-89ab-cdef-0000-000000000001/",
    "spiffe://o/segment/s/t/agent/01234567-89ab-cdef-0000-000000000001",
    "https://o/segment/s/agent/01234567-89ab-cdef-0000-000000000001",
    "spiffe:///segment/s/agent/01234567-89ab-cdef-0000-000000000001",
    "spiffe://o/Segment/s/agent/01234567-89ab-cdef-0000-000000000001",
  ])
  func otherURIsAreNoAgents(uri: String) {
    #expect(AgentIdentity(uri: uri) == nil)
  }

  @Test func fingerprintIsReadBack() {
    let fingerprint = Fingerprint(der: Array("abc".utf8))
    // FIPS 180-2 appendix B.1.
    #expect(
      fingerprint.description
        == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(Fingerprint(text: fingerprint.description) == fingerprint)
    #expect(Fingerprint(text: fingerprint.hexadecimal.uppercased()) == fingerprint)
    #expect(Fingerprint(text: "sha256:") == nil)
    #expect(Fingerprint(text: fingerprint.hexadecimal + "0") == nil)
    #expect(Fingerprint(text: "g" + fingerprint.hexadecimal.dropFirst()) == nil)
  }

  @Test(arguments: ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
  func textThatIsNoCertificate(pem: String) {
    #expect(throws: IdentityError.self) { try PeerCertificate(firstOfPEM: pem) }
    #expect(throws: IdentityError.self) { try PeerCertificate(der: Array(pem.utf8)) }
  }
}
