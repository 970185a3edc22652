import Crypto
import GatewayModel
import PolicyEngine
import SignedBundle
import Testing

@Suite struct BundleSignerTests {
  private func payload(
    version: UInt64 = 1, issued: Int64 = 1_000, expires: Int64 = 2_000
  ) -> BundlePayload {
    BundlePayload(
      organisation: "example", segment: "prod-eu", version: version,
      issuedAt: WallTime(unixNanoseconds: issued * 1_000_000_000),
      expiresAt: WallTime(unixNanoseconds: expires * 1_000_000_000),
      connections: [
        Connection(
          id: Identifier128(high: 1, low: 2), name: "orders", segment: "prod-eu",
          host: "/var/run/postgresql", port: 5432, database: "orders", tls: .disable,
          roles: [
            DatabaseRole(
              name: "app",
              credentials: [
                SealedCredential(
                  agent: AgentID(Identifier128(high: 3, low: 4)), encapsulatedKey: "AA==",
                  ciphertext: "AQ==")
              ])
          ])
      ],
      policies: [
        try! PolicyDocument(
          Grant(
            name: "g", to: .principal("alice@example.com"), connection: "orders", role: "app"))
      ],
      tokenIssuer: "sallyport", tokenKeys: [.init(kid: "t1", publicKey: "AA==")],
      limits: .init(maxStatementBytes: 1_000))
  }

  @Test func whatIsSignedIsWhatIsRead() throws {
    let signer = BundleSigner(key: Curve25519.Signing.PrivateKey())
    let signed = try signer.sign(payload())
    let verifier = BundleVerifier(
      trustedKeys: signer.publicKeys,
      audience: .init(organisation: "example", segment: "prod-eu"))
    let read = try verifier.verify(
      signed.envelope, newerThan: nil, now: WallTime(unixNanoseconds: 1_500_000_000_000))
    #expect(read == signed)
    #expect(read.payload == payload())
  }

  @Test func onePayloadHasOneHash() throws {
    let first = BundleSigner(key: Curve25519.Signing.PrivateKey())
    let second = BundleSigner(key: Curve25519.Signing.PrivateKey())
    #expect(try first.sign(payload()).hash == second.sign(payload()).hash)
    #expect(try first.sign(payload()).hash != first.sign(payload(version: 2)).hash)
  }

  @Test func uselessPayloadsAreNotSigned() {
    let signer = BundleSigner(key: Curve25519.Signing.PrivateKey())
    #expect(throws: BundleError.self) { try signer.sign(payload(version: 0)) }
    #expect(throws: BundleError.self) { try signer.sign(payload(issued: 2_000, expires: 2_000)) }
  }

  @Test func preAuthenticationEncodingIsThatOfTheSpecification() throws {
    let pae = try BundleVectors.index().pae
    #expect(
      Envelope.signedBytes(type: pae.type, body: Array(pae.body.utf8)) == Array(pae.encoded.utf8))
  }

  @Test func absurdTimesSaturate() {
    var payload = payload()
    payload.expiresAtUnixSeconds = .max
    #expect(payload.expiresAt.unixNanoseconds == .max)
    payload.issuedAtUnixSeconds = .min
    #expect(payload.issuedAt.unixNanoseconds == .min)
  }
}
