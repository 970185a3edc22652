package import GatewayModel

/// What a session token proves, once verified.
package struct VerifiedToken: Hashable, Sendable {
  package var principal: Principal
  /// The current actor first, the principal last.
  package var actors: ActorChain
  /// The token's `jti`.
  package var tokenID: String
  /// The `txn` claim: joins what one piece of work did through several tokens.
  package var transaction: String?
  /// The token is void from then on.
  package var expiresAt: WallTime

  package init(
    principal: Principal, actors: ActorChain, tokenID: String, transaction: String? = nil,
    expiresAt: WallTime
  ) {
    self.principal = principal
    self.actors = actors
    self.tokenID = tokenID
    self.transaction = transaction
    self.expiresAt = expiresAt
  }
}
