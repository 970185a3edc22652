package import GatewayModel

/// Where registered databases are kept.
///
/// Every change marks the segments it touches as due for a new bundle in its own transaction.
package protocol ConnectionStore: RecordingStore {
  func connections() async throws(ControlError) -> [StoredConnection]
  func connection(named name: String) async throws(ControlError) -> StoredConnection?
  /// Stores a new connection.
  ///
  /// - Throws: `conflict` when the name is taken and `replace` is false. A replaced connection
  ///   keeps its id and its time of creation.
  func add(
    _ connection: Connection, at: WallTime, replace: Bool
  ) async throws(ControlError) -> StoredConnection
  /// Removes the connection with its credentials and grants; false when there is none.
  func removeConnection(named name: String) async throws(ControlError) -> Bool
}

/// A connection with what the store knows about it.
package struct StoredConnection: Sendable, Equatable {
  package var connection: Connection
  package var createdAt: WallTime
  package init(connection: Connection, createdAt: WallTime) {
    self.connection = connection
    self.createdAt = createdAt
  }
}
