package import APIModel
internal import GatewayModel

/// Issues session tokens.
package struct TokenService: Sendable {
  /// identity.md: a session token is good for at most 15 minutes.
  package static let maximumLifetime = Duration.seconds(15 * 60)

  let connections: any ConnectionStore
  let keys: ControlKeys
  let settings: ControlSettings
  let surroundings: Surroundings

  /// Issues a token for a principal that the administrator vouches for.
  ///
  /// - Throws: `invalid` naming the field, `notFound` for an unknown connection.
  package func issue(
    _ request: TokenRequest, by caller: Caller
  ) async throws(ControlError) -> IssuedToken { throw ControlError(.notFound, "") }
}
