import Foundation

/// What a session token says of itself, read without verifying: the agent verifies it.
struct SessionTokenClaims: Decodable, Equatable {
  var sub: String

  /// `nil` when the text is not a JSON web token with a subject.
  init?(token: String) {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    var base64 = String(parts[1]).replacing("-", with: "+").replacing("_", with: "/")
    base64 += String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
    guard let payload = Data(base64Encoded: base64),
      let claims = try? JSONDecoder().decode(Self.self, from: payload)
    else { return nil }
    self = claims
  }
}
