internal import Crypto
import Foundation
package import GatewayModel

/// Verifies session tokens offline, with the keys of the bundle; cheap enough for an event loop.
///
/// The compact form is taken apart here and not by JWTKit: its header type turns every JSON number
/// into an `Int` and traps on one that does not fit, before any signature is checked.
package struct TokenVerifier: Sendable {
  /// A longer token is refused unread.
  package static let maximumBytes = 16 * 1024
  /// How far the control plane's clock may be ahead of the agent's.
  package static let maximumSkewNanoseconds: Int64 = 30 * nanosecondsPerSecond
  /// The most actors in a chain.
  package static let maximumActors = 16
  /// The deepest nesting of a token's JSON.
  static let maximumNesting = 24

  private let issuer: String
  private let keys: [String: Curve25519.Signing.PublicKey]

  /// - Parameters:
  ///   - issuer: The `iss` a token must carry.
  ///   - keys: Raw Ed25519 public keys (32 bytes) in base64, by `kid`. One that cannot be read is
  ///     left out, so a token that names it is refused.
  package init(issuer: String, keys: [String: String]) {
    self.issuer = issuer
    var readable: [String: Curve25519.Signing.PublicKey] = [:]
    for (kid, base64) in keys {
      guard let data = Data(base64Encoded: base64),
        let key = try? Curve25519.Signing.PublicKey(rawRepresentation: data)
      else { continue }
      readable[kid] = key
    }
    self.keys = readable
  }

  /// Verifies a token that a client gave as its password.
  ///
  /// The claims are read only after the signature is found good.
  ///
  /// - Parameters:
  ///   - connection: The name of the connection the client asks for, which the token's audience
  ///     must list.
  /// - Throws: ``TokenError``.
  package func verify(
    _ token: Secret, connection: String, now: WallTime
  ) throws(TokenError) -> VerifiedToken {
    let parts = try CompactToken(token.bytes)
    let header = try parts.header()
    guard header.alg == "EdDSA" else {
      throw TokenError(
        code: .malformed, message: "its algorithm is \"\(header.alg.prefix(40))\", not \"EdDSA\"")
    }
    guard let key = keys[header.kid] else {
      throw TokenError(
        code: .unknownKey,
        message: "its key \"\(header.kid.prefix(100))\" is not among the bundle's token keys")
    }
    guard key.isValidSignature(parts.signature, for: parts.signedBytes) else {
      throw TokenError(
        code: .signature, message: "its signature does not fit the key \"\(header.kid)\"")
    }
    let claims = try parts.claims()
    let token = try verified(claims)
    do throws(TokenError) {
      try judge(claims, connection: connection, now: now)
    } catch {
      throw TokenError(code: error.code, message: error.message, holder: token)
    }
    return token
  }

  private func judge(
    _ claims: SessionClaims, connection: String, now: WallTime
  ) throws(TokenError) {
    guard claims.iss == issuer else {
      throw TokenError(
        code: .issuer, message: "its issuer is \"\(claims.iss.prefix(100))\", not \"\(issuer)\"")
    }
    guard claims.aud.names.contains(connection) else {
      throw TokenError(
        code: .audience,
        message: "it is good for \(claims.aud.names.prefix(8).map { "\"\($0.prefix(100))\"" }),"
          + " not for \"\(connection)\"")
    }
    guard now < wallTime(seconds: claims.exp) else {
      throw TokenError(
        code: .expired, message: "token \(claims.jti.prefix(64)) expired at \(claims.exp)")
    }
    let from = wallTime(seconds: claims.nbf ?? claims.iat)
    let (limit, overflow) = now.unixNanoseconds.addingReportingOverflow(
      Self.maximumSkewNanoseconds)
    guard overflow || from.unixNanoseconds <= limit else {
      throw TokenError(
        code: .notYetValid,
        message: "token \(claims.jti.prefix(64)) is not valid before \(claims.nbf ?? claims.iat)")
    }
  }

  private func verified(_ claims: SessionClaims) throws(TokenError) -> VerifiedToken {
    guard !claims.sub.isEmpty, !claims.jti.isEmpty else {
      throw TokenError(code: .malformed, message: "its \"sub\" or \"jti\" is empty")
    }
    let principal = Principal(
      issuer: claims.iss, subject: claims.sub, displayName: claims.name,
      groups: claims.groups ?? [], kind: try kind(claims.kind))
    var actors: [Actor] = []
    var rest = claims.act
    while case .actor(let subject, let profile, let before) = rest {
      guard actors.count < Self.maximumActors - 1 else {
        throw TokenError(
          code: .malformed, message: "its actor chain is over \(Self.maximumActors) long")
      }
      actors.append(Actor(subject: subject, kind: try kind(profile), verified: true))
      rest = before
    }
    actors.append(Actor(subject: principal.subject, kind: principal.kind, verified: true))
    return VerifiedToken(
      principal: principal, actors: ActorChain(actors: actors), tokenID: claims.jti,
      transaction: claims.txn, expiresAt: wallTime(seconds: claims.exp))
  }

  private func kind(_ text: String?) throws(TokenError) -> Principal.Kind {
    guard let text else { return .user }
    guard let kind = Principal.Kind(rawValue: text) else {
      throw TokenError(
        code: .malformed, message: "\"\(text.prefix(40))\" is not a kind of principal")
    }
    return kind
  }

  /// Saturates, because the seconds come from a token and may be any number.
  private func wallTime(seconds: Double) -> WallTime {
    let nanoseconds = seconds * Double(nanosecondsPerSecond)
    // 2^63 is the first Double that does not fit, and is exact as a Double.
    guard nanoseconds < 0x1p63 else { return WallTime(unixNanoseconds: .max) }
    guard nanoseconds >= -0x1p63 else { return WallTime(unixNanoseconds: .min) }
    return WallTime(unixNanoseconds: Int64(nanoseconds))
  }
}
