import Crypto
import Foundation
import GatewayModel
import SessionToken
import Testing

@Suite struct TokenVerifierTests {
  let bench = TokenBench()

  @Test func goodTokenTellsWhoItIs() throws {
    let verified = try bench.verifier.verify(
      bench.token(), connection: "billing", now: TokenBench.now)
    #expect(
      verified.principal
        == Principal(
          issuer: "sallyport", subject: "alice@example.com", displayName: "Alice",
          groups: ["analysts"], kind: .user))
    #expect(
      verified.actors.actors == [Actor(subject: "alice@example.com", kind: .user, verified: true)])
    #expect(verified.tokenID == "j1")
    #expect(verified.expiresAt.unixNanoseconds == 1_790_000_900_000_000_000)
  }

  @Test func actorsStandCurrentFirst() throws {
    let token = bench.token(
      replacing: "\"exp\"",
      with: """
        "txn":"t9","dlg":{"id":"d3","depth":2},"act":{"sub":"agent:triage-bot",
        "sub_profile":"ai_agent","act":{"sub":"agent:orchestrator","sub_profile":"service"}},"exp"
        """)
    let verified = try bench.verifier.verify(token, connection: "orders", now: TokenBench.now)
    #expect(
      verified.actors.actors.map(\.subject)
        == ["agent:triage-bot", "agent:orchestrator", "alice@example.com"])
    #expect(verified.actors.actors.map(\.kind) == [.aiAgent, .service, .user])
    #expect(verified.transaction == "t9")
  }

  @Test func oneAudienceMayBeAString() {
    let token = bench.token(replacing: #"["orders","billing"]"#, with: #""orders""#)
    #expect(bench.refusal(of: token) == nil)
    #expect(bench.refusal(of: token, connection: "billing") == .audience)
  }

  @Test func audienceIsWhole() {
    #expect(bench.refusal(of: bench.token(), connection: "order") == .audience)
    #expect(bench.refusal(of: bench.token(), connection: "ORDERS") == .audience)
    #expect(bench.refusal(of: bench.token(), connection: "") == .audience)
    let none = bench.token(replacing: #"["orders","billing"]"#, with: "[]")
    #expect(bench.refusal(of: none) == .audience)
  }

  @Test func issuerIsWhole() {
    let other = bench.token(replacing: "\"sallyport\"", with: "\"Sallyport\"")
    #expect(bench.refusal(of: other) == .issuer)
  }

  @Test func timesAreJudgedToTheNanosecond() {
    let end: Int64 = 1_790_000_900_000_000_000
    let last = WallTime(unixNanoseconds: end - 1)
    #expect(bench.refusal(of: bench.token(), now: last) == nil)
    #expect(bench.refusal(of: bench.token(), now: WallTime(unixNanoseconds: end)) == .expired)
    let skew = TokenVerifier.maximumSkewNanoseconds
    let begin: Int64 = 1_790_000_000_000_000_000
    #expect(bench.refusal(of: bench.token(), now: .init(unixNanoseconds: begin - skew)) == nil)
    #expect(
      bench.refusal(of: bench.token(), now: .init(unixNanoseconds: begin - skew - 1))
        == .notYetValid)
  }

  @Test(arguments: [
    ("1790000900", "1e300", nil), ("1790000900", "-1e300", TokenError.Code.expired),
    ("1790000900", "9223372036.854775807", nil), ("1790000900", "1790000000.5", nil),
    ("\"nbf\":1790000000", "\"nbf\":1e300", .notYetValid),
    ("\"nbf\":1790000000", "\"nbf\":-1e300", nil),
  ])
  func absurdTimesNeverTrap(old: String, new: String, expected: TokenError.Code?) {
    #expect(bench.refusal(of: bench.token(replacing: old, with: new)) == expected)
  }

  @Test(arguments: [
    #"{"alg":"none","kid":"k1"}"#, #"{"alg":"HS256","kid":"k1"}"#, #"{"alg":"eddsa","kid":"k1"}"#,
    #"{"alg":"EdDSA"}"#, #"{"kid":"k1"}"#, #"{"alg":["EdDSA"],"kid":"k1"}"#,
    #"{"alg":"EdDSA","kid":"k1","crit":["b64"],"b64":false}"#,
    #"{"alg":"EdDSA","kid":"k1","jwk":{"kty":"OKP"}}"#,
    // A number that does not fit an Int traps JWTKit's own header type.
    #"{"alg":"EdDSA","kid":"k1","x":1e300}"#,
    #"{"alg":"none","alg":"EdDSA","kid":"k1"}"#, #"{"alg":"EdDSA","\u0061lg":"none","kid":"k1"}"#,
    "[]", "", "null", "{", #"{"alg":"EdDSA","kid":"k1"}}"#,
  ])
  func headerRefused(header: String) {
    #expect(bench.refusal(of: bench.token(header: header)) == .malformed)
  }

  @Test func hmacWithThePublicKeyIsRefused() {
    let header = TokenBench.base64url(Array(#"{"alg":"HS256","kid":"k1"}"#.utf8))
    let payload = TokenBench.base64url(Array(TokenBench.goodPayload.utf8))
    let mac = HMAC<SHA256>.authenticationCode(
      for: Array("\(header).\(payload)".utf8),
      using: SymmetricKey(data: bench.key.publicKey.rawRepresentation))
    let token = Secret(text: "\(header).\(payload).\(TokenBench.base64url(Array(mac)))")
    #expect(bench.refusal(of: token) == .malformed)
  }

  @Test func keysAreLookedUpByName() {
    let unknown = #"{"alg":"EdDSA","kid":"k2"}"#
    #expect(bench.refusal(of: bench.token(header: unknown)) == .unknownKey)
    let broken = #"{"alg":"EdDSA","kid":"broken"}"#
    #expect(bench.refusal(of: bench.token(header: broken)) == .unknownKey)
    #expect(TokenBench().refusal(of: bench.token()) == .signature)
  }

  @Test(arguments: ["iss", "aud", "sub", "jti", "iat", "exp"])
  func claimsThatMustBeThere(name: String) {
    let token = bench.token(replacing: "\"\(name)\"", with: "\"x-\(name)\"")
    #expect(bench.refusal(of: token) == .malformed)
  }

  @Test(arguments: [
    ("\"alice@example.com\"", "\"\""), ("\"j1\"", "\"\""), ("\"j1\"", "1"),
    ("\"user\"", "\"root\""), ("1790000900", "\"1790000900\""), ("[\"analysts\"]", "\"analysts\""),
    ("[\"orders\",\"billing\"]", "[1]"), ("\"exp\"", "\"act\":\"bob\",\"exp\""),
    ("\"exp\"", "\"sub\":\"bob@example.com\",\"exp\""),
    ("\"exp\"", "\"act\":{\"sub\":\"a\",\"sub\":\"b\"},\"exp\""),
    ("1790000900", "1e999"), ("}", "}x"),
  ])
  func claimsThatAreWrong(old: String, new: String) {
    #expect(bench.refusal(of: bench.token(replacing: old, with: new)) == .malformed)
  }

  @Test(arguments: ["", ".", "..", "...", "a.b", "a.b.c.d", "!!.!!.!!", "Zm9v.Zm9v.Zm9v"])
  func noTokenAtAll(text: String) {
    #expect(bench.refusal(of: Secret(text: text)) == .malformed)
  }

  @Test func oversizedIsRefusedUnread() {
    let padding = String(repeating: "g", count: TokenVerifier.maximumBytes)
    let token = bench.token(replacing: "analysts", with: padding)
    #expect(bench.refusal(of: token) == .malformed)
  }

  @Test func deepNestingIsRefused() {
    let deep =
      String(repeating: "{\"act\":", count: 1_000) + "1" + String(repeating: "}", count: 1_000)
    let token = bench.token(replacing: "\"exp\"", with: "\"x\":\(deep),\"exp\"")
    #expect(bench.refusal(of: token) == .malformed)
  }

  @Test func longActorChainIsRefused() {
    var chain = #"{"sub":"a"}"#
    for _ in 0..<20 { chain = #"{"sub":"a","act":"# + chain + "}" }
    let token = bench.token(replacing: "\"exp\"", with: "\"act\":\(chain),\"exp\"")
    #expect(bench.refusal(of: token) == .malformed)
  }

  @Test func otherTextEncodingsAreRefused() {
    for encoding in [String.Encoding.utf16LittleEndian, .utf16BigEndian, .utf32LittleEndian] {
      let header = TokenBench.goodHeader.data(using: encoding) ?? Data()
      let payload = TokenBench.goodPayload.data(using: encoding) ?? Data()
      #expect(
        bench.refusal(
          of: bench.token(header: Array(header), payload: Array(TokenBench.goodPayload.utf8)))
          == .malformed)
      #expect(
        bench.refusal(
          of: bench.token(header: Array(TokenBench.goodHeader.utf8), payload: Array(payload)))
          == .malformed)
    }
  }

  /// No bend of one byte makes another token out of a good one.
  @Test func bentTokensAreRefused() throws {
    let good = bench.token()
    let truth = try bench.verifier.verify(good, connection: "orders", now: TokenBench.now)
    for position in good.bytes.indices {
      for mask: UInt8 in [0x01, 0x80] {
        var bytes = good.bytes
        bytes[position] ^= mask
        if let verified = try? bench.verifier.verify(
          Secret(bytes), connection: "orders", now: TokenBench.now)
        {
          // Only the unused low bits of a part's last character may change nothing.
          #expect(verified == truth, "byte \(position)")
        }
      }
    }
  }

  /// Only a good signature says whose token it is.
  @Test func refusalNamesTheHolderWhereTheSignatureIsGood() {
    func holder(_ token: Secret, connection: String = "orders") -> String? {
      let error = #expect(throws: TokenError.self) {
        try bench.verifier.verify(token, connection: connection, now: TokenBench.now)
      }
      return error?.holder?.principal.subject
    }
    let expired = bench.token(replacing: "1790000900", with: "1789999999")
    #expect(holder(expired) == "alice@example.com")
    #expect(holder(bench.token(), connection: "other") == "alice@example.com")
    #expect(holder(TokenBench().token()) == nil)
    #expect(holder(bench.token(header: #"{"alg":"none","kid":"k1"}"#)) == nil)
  }

  @Test func everyCodeHasItsReason() {
    let reasons = TokenError.Code.allCases.map { TokenError(code: $0, message: "").reason }
    #expect(Set(reasons).count == TokenError.Code.allCases.count)
    #expect(TokenError(code: .unknownKey, message: "").reason == .tokenUnknownKey)
  }

  @Test func errorsNeverShowTheToken() {
    let token = bench.token(replacing: "\"iss\":\"sallyport\"", with: "\"iss\":\"elsewhere\"")
    let error = #expect(throws: TokenError.self) {
      try bench.verifier.verify(token, connection: "orders", now: TokenBench.now)
    }
    let signature = token.text.split(separator: ".").last.map(String.init) ?? "?"
    #expect(error?.description.contains(signature) == false)
    #expect(error?.description.contains("elsewhere") == true)
  }
}
