package import APIModel
internal import GatewayModel

/// Registers databases and says who serves them.
package struct ConnectionService: Sendable {
  let store: any ConnectionStore
  let agents: any AgentStore
  let bundles: BundleService
  let tests: ConnectionTests
  let settings: ControlSettings
  let surroundings: Surroundings

  /// All connections, by name.
  package func list(by caller: Caller) async throws(ControlError) -> [ConnectionInfo] { [] }
  /// - Throws: `notFound`.
  package func show(_ name: String, by caller: Caller) async throws(ControlError) -> ConnectionInfo {
    throw ControlError(.notFound, "")
  }
  /// Registers a database; when this returns, the bundle that carries it is stored.
  ///
  /// - Throws: `invalid` naming the field, `conflict` when the name is taken.
  package func add(
    _ draft: ConnectionDraft, by caller: Caller
  ) async throws(ControlError) -> ConnectionInfo { throw ControlError(.notFound, "") }
  /// - Throws: `notFound`.
  package func remove(_ name: String, by caller: Caller) async throws(ControlError) {}
  /// Has every agent of the segment log in to the database with every role.
  package func test(
    _ name: String, by caller: Caller
  ) async throws(ControlError) -> [ConnectionTestResult] { [] }
}
