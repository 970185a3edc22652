import Crypto
import Foundation
import GatewayModel
import SessionToken
import Testing

@Suite struct TokenIssuerTests {
  let key = Curve25519.Signing.PrivateKey()
  var issuer: TokenIssuer { TokenIssuer(issuer: "sallyport", keyID: "k1", key: key) }
  let tokenID = Identifier128(high: 5, low: 6)
  let now = WallTime(unixNanoseconds: 1_790_000_000_500_000_000)

  private func request(
    subject: String = "alice@example.com", groups: [String] = ["analysts"],
    connections: [String] = ["orders"], lifetime: Int = 900
  ) -> TokenIssuer.Request {
    TokenIssuer.Request(
      subject: subject, displayName: "Alice", groups: groups, kind: .aiAgent,
      connections: connections, lifetimeSeconds: lifetime)
  }

  @Test func issuedTokenVerifies() async throws {
    let issued = try await issuer.issue(request(), tokenID: tokenID, now: now)
    let verifier = TokenVerifier(
      issuer: "sallyport", keys: ["k1": key.publicKey.rawRepresentation.base64EncodedString()])
    let verified = try verifier.verify(issued.token, connection: "orders", now: now)
    #expect(verified.principal.subject == "alice@example.com")
    #expect(verified.principal.kind == .aiAgent)
    #expect(verified.principal.groups == ["analysts"])
    #expect(verified.tokenID == tokenID.description)
    #expect(verified.tokenID == issued.tokenID)
    #expect(verified.expiresAt == issued.expiresAt)
    #expect(issued.expiresAt.unixNanoseconds == 1_790_000_900_000_000_000)
    #expect(throws: TokenError.self) {
      try verifier.verify(issued.token, connection: "billing", now: now)
    }
  }

  /// RFC 7515 and 8037: the header's algorithm and key, and a signature over the first two parts.
  @Test func formIsThatOfTheStandard() async throws {
    let issued = try await issuer.issue(request(), tokenID: tokenID, now: now)
    let parts = issued.token.text.split(separator: ".").map(String.init)
    #expect(parts.count == 3)
    let header = try JSONDecoder().decode([String: String].self, from: decode(parts[0]))
    #expect(header == ["alg": "EdDSA", "kid": "k1", "typ": "JWT"])
    #expect(
      key.publicKey.isValidSignature(
        try decode(parts[2]), for: Data("\(parts[0]).\(parts[1])".utf8)))
    #expect(issued.token.description == "<redacted>")
  }

  @Test func uselessRequestsAreRefused() async {
    for bad in [
      request(subject: ""), request(connections: []), request(connections: [""]),
      request(lifetime: 0), request(lifetime: -1), request(lifetime: 901),
      request(groups: [String(repeating: "g", count: 20_000)]),
    ] {
      await #expect(throws: TokenRequestError.self) {
        try await issuer.issue(bad, tokenID: tokenID, now: now)
      }
    }
  }

  private func decode(_ text: String) throws -> Data {
    var base64 = text.replacingOccurrences(of: "-", with: "+")
      .replacingOccurrences(of: "_", with: "/")
    while base64.count % 4 != 0 { base64.append("=") }
    return try #require(Data(base64Encoded: base64))
  }
}
