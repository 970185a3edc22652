package import APIModel
internal import GatewayModel

/// Registers databases and says who serves them.
package struct ConnectionService: Sendable {
  /// How long an agent has to try one role of a connection.
  static let testDeadline = Duration.seconds(15)

  let store: any ConnectionStore
  let agents: any AgentStore
  let bundles: BundleService
  let tests: ConnectionTests
  let log: ControlLog
  let settings: ControlSettings
  let surroundings: Surroundings

  /// All connections, by name.
  package func list(by caller: Caller) async throws(ControlError) -> [ConnectionInfo] {
    let agents = try await agents.agents(segment: nil, includingRemoved: false)
    return try await store.connections().map { info($0, agents: agents) }
  }

  /// - Throws: `notFound`.
  package func show(_ name: String, by caller: Caller) async throws(ControlError) -> ConnectionInfo
  {
    let found = try await found(name)
    return info(
      found,
      agents: try await agents.agents(
        segment: found.connection.segment, includingRemoved: false))
  }

  /// Registers a database; when this returns, the bundle that carries it is stored.
  ///
  /// - Throws: `invalid` naming the field, `conflict` when the name is taken.
  package func add(
    _ draft: ConnectionDraft, by caller: Caller
  ) async throws(ControlError) -> ConnectionInfo {
    try Check.name(draft.segment, field: "segment")
    let agents = try await agents.agents(segment: draft.segment, includingRemoved: false)
    let connection = try draft.checked(
      id: surroundings.newIdentifier(), agents: Set(agents.map(\.id)))
    let stored = try await store.recording(
      log.act(.addConnection, on: connection.name, by: caller) {
        Self.detail(connection, replace: draft.replace)
      }
    ).add(connection, at: surroundings.now(), replace: draft.replace)
    surroundings.log(
      "connection stored", by: caller,
      [
        "connection": connection.name, "segment": connection.segment,
        "replace": "\(draft.replace)",
      ])
    // A replaced connection may have left another segment.
    await bundles.issueDue(first: connection.segment)
    return info(stored, agents: agents)
  }

  /// Removes a connection; policies that name it stay.
  ///
  /// - Throws: `notFound`.
  package func remove(_ name: String, by caller: Caller) async throws(ControlError) {
    let entry = log.act(.removeConnection, on: name, by: caller)
    guard try await store.recording(entry).removeConnection(named: name) else {
      throw Self.unknown(name)
    }
    surroundings.log("connection removed", by: caller, ["connection": name])
    await bundles.issueDue()
  }

  /// Has every agent of the segment log in to the database with every role.
  ///
  /// - Throws: `notFound`, or `unavailable` when the segment has no agent.
  package func test(
    _ name: String, by caller: Caller
  ) async throws(ControlError) -> [ConnectionTestResult] {
    let connection = try await found(name).connection
    let serving = try await agents.agents(
      segment: connection.segment, includingRemoved: false)
    guard !serving.isEmpty else {
      throw ControlError(
        .unavailable,
        "No agent serves the segment \"\(connection.segment)\" of the connection \"\(name)\".",
        remedy: "Invite one with `sallyport agents invite --segment \(connection.segment)`.")
    }
    // Recorded before: every agent logs in to the database.
    try await log.store.append(log.act(.testConnection, on: name, by: caller))
    surroundings.log("connection tested", by: caller, ["connection": name])
    return await withTaskGroup(of: (Int, ConnectionTestResult).self) { group in
      var order = 0
      for agent in serving {
        for role in connection.roles {
          let place = order
          group.addTask { (place, await test(connection, role.name, agent)) }
          order += 1
        }
      }
      var results: [(Int, ConnectionTestResult)] = []
      for await result in group { results.append(result) }
      return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  private func test(
    _ connection: Connection, _ role: String, _ agent: EnrolledAgent
  ) async -> ConnectionTestResult {
    func result(_ ok: Bool, _ detail: String, _ milliseconds: Double) -> ConnectionTestResult {
      ConnectionTestResult(
        agentID: agent.id.description, role: role, ok: ok, detail: detail,
        milliseconds: milliseconds)
    }
    guard await tests.isAttached(agent.id) else {
      let link = agent.link(at: surroundings.now(), settings)
      return result(
        false,
        link == .online
          ? "The agent is attached to another replica of the control plane: ask that one."
          : "The agent is offline: see `sallyport agents show \(agent.id)`.", 0)
    }
    let answer = await tests.run(
      at: agent.id, connection: connection.name, role: role, within: Self.testDeadline)
    guard let answer else {
      return result(
        false, "The agent gave no answer in time: see its log and try again.",
        Self.testDeadline.milliseconds)
    }
    return result(answer.ok, answer.detail, answer.duration.milliseconds)
  }

  private func found(_ name: String) async throws(ControlError) -> StoredConnection {
    guard let found = try await store.connection(named: name) else { throw Self.unknown(name) }
    return found
  }

  static func unknown(_ name: String) -> ControlError {
    ControlError(
      .notFound, "There is no connection named \"\(name.prefix(100))\".",
      remedy: "See `sallyport connections list` for those there are.")
  }

  private func info(_ stored: StoredConnection, agents: [EnrolledAgent]) -> ConnectionInfo {
    let connection = stored.connection
    let now = surroundings.now()
    let serving = agents.filter { $0.segment == connection.segment }
    return ConnectionInfo(
      id: connection.id.description, name: connection.name, segment: connection.segment,
      host: connection.host, port: Int(connection.port), database: connection.database,
      tls: connection.tls.rawValue, labels: connection.labels,
      roles: connection.roles.map { role in
        let holders = Set(role.credentials.map(\.agent))
        return RoleInfo(
          name: role.name,
          credentialMissingAt: serving.filter { !holders.contains($0.id) }.map(\.id.description),
          credential: role.credentials.first?.sealedKind.rawValue)
      },
      createdAt: TimeText.text(stored.createdAt),
      agents: serving.map {
        ServingAgent(
          id: $0.id.description, clientAddress: $0.clientAddress,
          link: $0.link(at: now, settings).rawValue)
      },
      allowsFunctionCalls: connection.allowsFunctionCalls, maximumRows: connection.maximumRows,
      durability: connection.durability?.rawValue)
  }
}

extension Duration {
  var milliseconds: Double {
    Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15
  }
}

extension ConnectionService {
  /// What the control plane's log keeps of a stored connection: no credential, sealed or not.
  private static func detail(_ connection: Connection, replace: Bool) -> ActDetail {
    [
      "segment": .text(connection.segment), "host": .text(connection.host),
      "port": .number(Int(connection.port)), "database": .text(connection.database),
      "tls": .text(connection.tls.rawValue), "roles": .texts(connection.roles.map(\.name)),
      "credentials": .number(connection.roles.reduce(0) { $0 + $1.credentials.count }),
      "function_calls": .flag(connection.allowsFunctionCalls == true),
      "maximum_rows": connection.maximumRows.map(ActDetail.Particular.number),
      "durability": (connection.durability?.rawValue).map(ActDetail.Particular.text),
      "replace": .flag(replace),
    ]
  }
}
