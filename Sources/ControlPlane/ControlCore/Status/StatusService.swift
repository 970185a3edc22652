package import APIModel
internal import GatewayModel

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
    var status = FleetStatus(
      organisation: settings.organisation, version: settings.version, databaseOK: false,
      connections: 0, grants: 0, agentsOnline: 0, agentsTotal: 0, openSessions: 0,
      recordsStored: 0, problems: [])
    do {
      let counts = try await store.counts()
      let fleet = try await agents.agents(segment: nil, includingRemoved: false)
      let versions = try await bundles.currentVersions()
      let now = surroundings.now()
      let online = fleet.filter { $0.link(at: now, settings) == .online }
      status.databaseOK = true
      status.connections = counts.connections
      status.grants = counts.grants
      status.recordsStored = counts.records
      status.agentsTotal = fleet.count
      status.agentsOnline = online.count
      status.openSessions = online.reduce(0) {
        $0 + Int(clamping: min($1.health?.openSessions ?? 0, 1 << 40))
      }
      for agent in fleet {
        status.problems += problems(of: agent, current: versions[agent.segment] ?? 0, now)
      }
    } catch {
      status.problems = [error.description]
    }
    return status
  }

  private func problems(
    of agent: EnrolledAgent, current: UInt64, _ now: WallTime
  ) -> [String] {
    let name = "agent \(agent.id.description.prefix(13)) (\(agent.segment))"
    var problems: [String] = []
    if let quarantine = agent.quarantine {
      problems.append(
        "\(name) is in quarantine since \(TimeText.text(quarantine.at)), its records are not "
          + "taken: \(quarantine.reason)")
    }
    guard agent.link(at: now, settings) == .online else {
      let since = agent.lastSeenAt.map(TimeText.text) ?? "its enrolment"
      return problems + ["\(name) is offline since \(since)"]
    }
    if let health = agent.health, health.state != "ok" {
      problems.append("\(name) is \(health.state)")
      problems += health.problems.map { "\(name): \($0)" }
    }
    if let rejection = agent.rejection {
      problems.append(
        "\(name) refused bundle \(rejection.version) (\(rejection.reason)) and keeps "
          + "\(agent.bundleVersion) of \(current)")
    }
    // Renewal is at half of the lifetime; with a quarter left it has failed for hours.
    let left = agent.certificateExpiresAt.unixNanoseconds - now.unixNanoseconds
    if Double(left) / 1e6 < (settings.certificateLifetime / 4).milliseconds {
      problems.append(
        "\(name): its certificate expires at \(TimeText.text(agent.certificateExpiresAt)) and was "
          + "not renewed")
    }
    return problems
  }
}
