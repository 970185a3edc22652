package import GatewayModel

/// Where grants are kept, in the order they were made.
///
/// Every change marks the segment of the connection as due for a new bundle in its transaction.
package protocol GrantStore: RecordingStore {
  func grants() async throws(ControlError) -> [StoredGrant]
  /// - Throws: `conflict` when the name is taken, `notFound` when there is no such connection or it
  ///   has no such role.
  func add(_ grant: Grant, at: WallTime) async throws(ControlError) -> StoredGrant
  /// Removes a grant; false when there is none.
  func removeGrant(named name: String) async throws(ControlError) -> Bool
}

/// A grant with what the store knows about it.
package struct StoredGrant: Sendable, Equatable {
  package var grant: Grant
  package var createdAt: WallTime
  package init(grant: Grant, createdAt: WallTime) {
    self.grant = grant
    self.createdAt = createdAt
  }
}
