/// What the store counts for the overview.
package protocol StatusStore: Sendable {
  /// - Throws: `unavailable` when the database is away.
  func counts() async throws(ControlError) -> StoredCounts
  /// Returns when the database answers.
  func ping() async throws(ControlError)
}

package struct StoredCounts: Sendable, Equatable {
  package var connections: Int
  package var grants: Int
  package var records: Int
  package init(connections: Int, grants: Int, records: Int) {
    self.connections = connections
    self.grants = grants
    self.records = records
  }
}
