package import Crypto
package import GatewayModel
import JWTKit

/// Signs session tokens with one key of the control plane.
package struct TokenIssuer: Sendable {
  /// The longest a session token may live, in seconds.
  package static let maximumLifetimeSeconds = 15 * 60

  /// The `iss` of every token; the same as the bundle's `tokenIssuer`.
  package let issuer: String
  /// The `kid` of every token; the same as the bundle's `tokenKeys` say.
  package let keyID: String
  private let key: Curve25519.Signing.PrivateKey

  package init(issuer: String, keyID: String, key: Curve25519.Signing.PrivateKey) {
    self.issuer = issuer
    self.keyID = keyID
    self.key = key
  }

  /// What a token shall say.
  package struct Request: Hashable, Sendable {
    package var subject: String
    package var displayName: String?
    package var groups: [String]
    package var kind: Principal.Kind
    /// The names of the connections it is good for.
    package var connections: [String]
    package var lifetimeSeconds: Int

    package init(
      subject: String, displayName: String? = nil, groups: [String] = [],
      kind: Principal.Kind = .user, connections: [String], lifetimeSeconds: Int
    ) {
      self.subject = subject
      self.displayName = displayName
      self.groups = groups
      self.kind = kind
      self.connections = connections
      self.lifetimeSeconds = lifetimeSeconds
    }
  }

  package struct Issued: Sendable {
    /// The JWT in its compact form.
    package let token: Secret
    package let tokenID: String
    package let expiresAt: WallTime
  }

  /// Signs a token that is valid from `now` for the asked lifetime.
  ///
  /// - Parameters:
  ///   - tokenID: Becomes `jti`; the caller takes its bits from a random source.
  ///   - now: Cut to whole seconds.
  /// - Throws: ``TokenRequestError`` when the request is refused.
  package func issue(
    _ request: Request, tokenID: Identifier128, now: WallTime
  ) async throws(TokenRequestError) -> Issued {
    try check(request)
    let issuedAt = now.unixNanoseconds / nanosecondsPerSecond
    let expiresAt = issuedAt + Int64(request.lifetimeSeconds)
    let claims = SessionClaims(
      iss: issuer, aud: .init(names: request.connections), sub: request.subject,
      name: request.displayName, groups: request.groups, kind: request.kind.rawValue,
      jti: tokenID.description, iat: Double(issuedAt), nbf: Double(issuedAt),
      exp: Double(expiresAt), txn: nil, act: nil)
    do {
      let kid = JWKIdentifier(string: keyID)
      let keys = JWTKeyCollection()
      await keys.add(eddsa: EdDSA.PrivateKey(backing: key), kid: kid)
      let text = try await keys.sign(claims, kid: kid)
      guard text.utf8.count <= TokenVerifier.maximumBytes else {
        throw TokenRequestError(
          message: "the token for \"\(request.subject)\" would be \(text.utf8.count) bytes, over"
            + " the limit of \(TokenVerifier.maximumBytes): name fewer groups or connections")
      }
      return Issued(
        token: Secret(text: text), tokenID: claims.jti,
        expiresAt: WallTime(unixNanoseconds: expiresAt * nanosecondsPerSecond))
    } catch let error as TokenRequestError {
      throw error
    } catch {
      throw TokenRequestError(
        message: "signing the token for \"\(request.subject)\" failed: \(error)")
    }
  }

  private func check(_ request: Request) throws(TokenRequestError) {
    guard !request.subject.isEmpty else {
      throw TokenRequestError(message: "a token needs a subject: name whom it is for")
    }
    guard !request.connections.isEmpty, request.connections.allSatisfy({ !$0.isEmpty }) else {
      throw TokenRequestError(
        message: "a token needs at least one connection: name what it is good for")
    }
    guard (1...Self.maximumLifetimeSeconds).contains(request.lifetimeSeconds) else {
      throw TokenRequestError(
        message: "a token cannot live \(request.lifetimeSeconds) seconds: ask for 1 to"
          + " \(Self.maximumLifetimeSeconds)")
    }
  }
}

/// Why a token was not issued.
package struct TokenRequestError: Error, Hashable, Sendable, CustomStringConvertible {
  package var message: String
  package init(message: String) { self.message = message }
  package var description: String { message }
}

let nanosecondsPerSecond: Int64 = 1_000_000_000
