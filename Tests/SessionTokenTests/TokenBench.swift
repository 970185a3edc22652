import Crypto
import Foundation
import GatewayModel
import SessionToken

/// Makes tokens byte by byte, so that they can be wrong in every way.
struct TokenBench {
  static let now = WallTime(unixNanoseconds: 1_790_000_000_000_000_000)
  static let issuer = "sallyport"

  let key = Curve25519.Signing.PrivateKey()

  var verifier: TokenVerifier {
    TokenVerifier(
      issuer: Self.issuer,
      keys: ["k1": key.publicKey.rawRepresentation.base64EncodedString(), "broken": "AAAA"])
  }

  static let goodHeader = #"{"alg":"EdDSA","kid":"k1","typ":"JWT"}"#
  static let goodPayload = """
    {"iss":"sallyport","aud":["orders","billing"],"sub":"alice@example.com","name":"Alice",
     "groups":["analysts"],"kind":"user","jti":"j1","iat":1790000000,"nbf":1790000000,
     "exp":1790000900}
    """

  /// A token with these parts, signed with the good key whatever they say.
  func token(header: String = goodHeader, payload: String = goodPayload) -> Secret {
    token(header: Array(header.utf8), payload: Array(payload.utf8))
  }

  func token(header: [UInt8], payload: [UInt8]) -> Secret {
    let input = "\(Self.base64url(header)).\(Self.base64url(payload))"
    // Ed25519 signing fails for no input.
    let signature = (try? key.signature(for: Array(input.utf8))).map(Array.init) ?? []
    return Secret(text: "\(input).\(Self.base64url(signature))")
  }

  /// The good payload with `old` replaced by `new`.
  func token(replacing old: String, with new: String) -> Secret {
    token(payload: Self.goodPayload.replacingOccurrences(of: old, with: new))
  }

  static func base64url(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString()
      .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
      .replacingOccurrences(of: "=", with: "")
  }

  /// Why the verifier refuses; `nil` when it does not.
  func refusal(
    of token: Secret, connection: String = "orders", now: WallTime = now
  ) -> TokenError.Code? {
    do {
      _ = try verifier.verify(token, connection: connection, now: now)
      return nil
    } catch {
      return error.code
    }
  }
}
