package struct FleetStatus: Codable, Sendable, Equatable {
  package var organisation: String
  package var version: String
  package var databaseOK: Bool
  package var connections: Int
  package var grants: Int
  package var agentsOnline: Int
  package var agentsTotal: Int
  package var openSessions: Int
  package var recordsStored: Int
  /// What is wrong now, one line each; empty when all is well.
  package var problems: [String]

  package init(
    organisation: String, version: String, databaseOK: Bool, connections: Int, grants: Int,
    agentsOnline: Int, agentsTotal: Int, openSessions: Int, recordsStored: Int,
    problems: [String]
  ) {
    self.organisation = organisation
    self.version = version
    self.databaseOK = databaseOK
    self.connections = connections
    self.grants = grants
    self.agentsOnline = agentsOnline
    self.agentsTotal = agentsTotal
    self.openSessions = openSessions
    self.recordsStored = recordsStored
    self.problems = problems
  }
}
