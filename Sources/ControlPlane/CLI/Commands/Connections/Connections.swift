import APIModel
import ArgumentParser
import GatewayModel

struct Connections: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The databases that can be reached through Sallyport.",
    subcommands: [
      AddConnection.self, ListConnections.self, ShowConnection.self, TestConnection.self,
      RemoveConnection.self,
    ])
}

struct ListConnections: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the registered databases.",
    discussion: """
      Example:
        sallyport connections list --format json
      """)

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let items: [ConnectionInfo] = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.all(Routes.connections)
    }
    try Listing.write(
      items, format: list.format,
      empty: "No connections yet. → sallyport connections add NAME postgresql://role@host/db …",
      columns: [
        Column("NAME", minimumWidth: 10), Column("SEGMENT", minimumWidth: 7),
        Column("DATABASE", minimumWidth: 16), Column("TLS", dropOrder: 1),
        Column("ROLES", minimumWidth: 8), Column("AGENTS"),
        Column("DURABILITY", dropOrder: 3), Column("LABELS", minimumWidth: 10, dropOrder: 2),
      ]
    ) { item in
      let online = item.agents.count { $0.link == "online" }
      let missing = item.roles.contains { !$0.credentialMissingAt.isEmpty }
      return [
        Cell(EscapedText.line(item.name)), Cell(EscapedText.line(item.segment)),
        Cell(EscapedText.line("\(item.host):\(item.port)/\(item.database)")),
        Cell(EscapedText.line(item.tls)),
        Cell(
          EscapedText.line(item.roles.map(roleText).joined(separator: ","))
            + (missing ? " (credential missing)" : ""), style: missing ? .warning : nil),
        Cell("\(online)/\(item.agents.count)", style: online == 0 ? .failure : nil),
        Cell(EscapedText.line(durabilityText(item.durability))), Cell(labelText(item.labels)),
      ]
    }
  }
}

struct ShowConnection: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one database, its roles and the agents that serve it.",
    discussion: """
      Example:
        sallyport connections show orders
      """)

  @Argument(help: "The connection's name.")
  var name: String

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let item: ConnectionInfo = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.get(Routes.connections, [name])
    }
    guard list.format == .table else {
      try StandardOutput.line(JSONText.pretty(item))
      return
    }
    let roles = item.roles.map { role in
      let missing = role.credentialMissingAt.map { String($0.prefix(8)) }
      let kind = role.credential.map { "  by \($0)" } ?? ""
      let note = missing.isEmpty ? "" : "  credential missing at \(missing.joined(separator: ", "))"
      return EscapedText.line(role.name + kind + note)
    }
    let agents = item.agents.map {
      EscapedText.line("\($0.clientAddress)  \($0.link)  \($0.id)")
    }
    try Listing.write(properties: [
      ("Name", EscapedText.line(item.name)),
      ("Segment", EscapedText.line(item.segment)),
      ("Server", EscapedText.line("\(item.host):\(item.port)")),
      ("Database", EscapedText.line(item.database)),
      ("TLS", EscapedText.line(item.tls)),
      ("Function calls", item.allowsFunctionCalls == true ? "allowed outside SQL" : nil),
      ("Rows", item.maximumRows.map { "at most \($0) of one statement" }),
      ("Durability", EscapedText.line(durabilityText(item.durability))),
      ("Labels", item.labels.isEmpty ? nil : labelText(item.labels)),
      ("Roles", roles.joined(separator: "\n")),
      ("Agents", agents.isEmpty ? "none" : agents.joined(separator: "\n")),
      ("Registered", TimeText.shown(item.createdAt) + " UTC"),
    ])
    if item.roles.contains(where: { !$0.credentialMissingAt.isEmpty }) {
      StandardError.line(
        "→ an agent without a credential cannot serve: add the connection again with --replace")
    }
  }
}

struct TestConnection: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Let each agent log in to the database and say how it went.",
    discussion: """
      Ends with 1 when any agent could not log in as any role.

      Example:
        sallyport connections test orders
      """)

  @Argument(help: "The connection's name.")
  var name: String

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let page: Page<ConnectionTestResult> = try await APIClient.withClient(
      ConfigurationSource().load()
    ) { try await $0.post(Routes.connections, [name, "test"]) }
    try Listing.write(
      page.items, format: list.format,
      empty: "No agent answered. → see `sallyport agents list`",
      columns: [
        Column("AGENT", minimumWidth: 8), Column("ROLE", minimumWidth: 8), Column("RESULT"),
        Column("TIME", rightAligned: true), Column("DETAIL", minimumWidth: 20),
      ]
    ) { item in
      [
        Cell(EscapedText.line(String(item.agentID.prefix(8)))), Cell(EscapedText.line(item.role)),
        item.ok ? Cell("ok", style: .success) : Cell("failed", style: .failure),
        Cell(StatementText.milliseconds(item.milliseconds)), Cell(EscapedText.line(item.detail)),
      ]
    }
    if page.items.isEmpty || page.items.contains(where: { !$0.ok }) {
      throw ExitCode(CLIExit.failed.rawValue)
    }
  }
}

struct RemoveConnection: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Remove a database from Sallyport; its records stay.",
    discussion: """
      Policies that name it stay, and hold again for a connection of that name; `sallyport policy \
      lint` warns of those that are about no connection.

      Example:
        sallyport connections remove orders
      """)

  @Argument(help: "The connection's name.")
  var name: String

  func perform() async throws {
    try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.delete(Routes.connections, [name])
    }
    StandardError.line("Connection \"\(EscapedText.line(name))\" removed.")
  }
}

/// A role of a listing; one with a password, as most have, is its name alone.
private func roleText(_ role: RoleInfo) -> String {
  guard let kind = role.credential, kind != CredentialKind.password.rawValue else {
    return role.name
  }
  return "\(role.name) (\(kind))"
}

private func durabilityText(_ durability: String?) -> String {
  durability ?? Durability.crashSafe.rawValue
}

private func labelText(_ labels: [String: String]) -> String {
  EscapedText.line(
    labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","))
}
