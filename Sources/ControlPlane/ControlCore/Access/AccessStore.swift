package import GatewayModel

/// Where API tokens and the bootstrap token are kept, as SHA-256 hashes only.
package protocol AccessStore: RecordingStore {
  /// Stores the hash of the bootstrap token if there never was one; false when there was.
  func createBootstrapToken(hash: [UInt8], at: WallTime) async throws(ControlError) -> Bool
  /// Whether there is a bootstrap token, or was one.
  func hasBootstrapToken() async throws(ControlError) -> Bool
  /// Forgets the bootstrap token with that hash as if it never had been, unless it is spent.
  func withdrawBootstrapToken(hash: [UInt8]) async throws(ControlError)
  /// Replaces the bootstrap token by another unused one.
  func replaceBootstrapToken(hash: [UInt8], at: WallTime) async throws(ControlError)
  /// Spends the bootstrap token and stores the API token, both or neither; false when the hash
  /// is not that of an unspent bootstrap token.
  func redeemBootstrapToken(
    hash: [UInt8], for token: StoredAPIToken
  ) async throws(ControlError) -> Bool
  /// The token with that hash, if there is one.
  func apiToken(hash: [UInt8]) async throws(ControlError) -> StoredAPIToken?
}

/// An API token as it is kept.
package struct StoredAPIToken: Sendable, Equatable {
  package var id: Identifier128
  package var name: String
  /// SHA-256 of the token's text.
  package var hash: [UInt8]
  package var role: Caller.Role
  package var createdAt: WallTime

  package init(
    id: Identifier128, name: String, hash: [UInt8], role: Caller.Role, createdAt: WallTime
  ) {
    self.id = id
    self.name = name
    self.hash = hash
    self.role = role
    self.createdAt = createdAt
  }
}
