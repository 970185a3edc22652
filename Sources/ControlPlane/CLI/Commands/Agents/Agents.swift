import APIModel
import ArgumentParser
import Foundation

struct Agents: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The agents that stand before the databases.",
    subcommands: [
      InviteAgent.self, ListAgents.self, ShowAgent.self, RemoveAgent.self,
      ReleaseAgent.self,
    ])
}

struct ListAgents: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the agents with their link, health and policy.",
    discussion: """
      BUNDLE is the version of the policy an agent enforces; with an arrow, the current one that \
      it does not have yet, or has refused.

      Example:
        sallyport agents list
      """)

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let items: [AgentInfo] = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.all(Routes.agents)
    }
    let now = Date()
    try Listing.write(
      items, format: list.format,
      empty: "No agents yet. → sallyport agents invite --segment S --address HOST:PORT",
      columns: [
        Column("AGENT"), Column("SEGMENT", minimumWidth: 7),
        Column("HOST", minimumWidth: 8, dropOrder: 3),
        Column("ADDRESS", minimumWidth: 12), Column("LINK"), Column("HEALTH"),
        Column("SESSIONS", rightAligned: true, dropOrder: 1),
        Column("BACKLOG", rightAligned: true, dropOrder: 2), Column("BUNDLE"),
        Column("SEEN", dropOrder: 4), Column("PROBLEM", minimumWidth: 12),
      ]
    ) { agent in
      [
        Cell(EscapedText.line(String(agent.id.prefix(8)))), Cell(EscapedText.line(agent.segment)),
        Cell(EscapedText.line(agent.hostname)), Cell(EscapedText.line(agent.clientAddress)),
        Cell(EscapedText.line(agent.link), style: agent.link == "online" ? .success : .failure),
        Cell(EscapedText.line(agent.health), style: agent.health == "ok" ? .success : .warning),
        Cell("\(agent.openSessions)"), Cell("\(agent.backlogRecords)"),
        Cell(AgentText.bundle(agent), style: agent.rejectedBundle == nil ? nil : .failure),
        Cell(EscapedText.line(agent.lastSeenAt.map { TimeText.age($0, now: now) } ?? "never")),
        Cell(EscapedText.line(AgentText.problems(agent).first ?? ""), style: .failure),
      ]
    }
  }
}

struct ShowAgent: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one agent.",
    discussion: """
      Example:
        sallyport agents show 0190a6f2
      """)

  @Argument(help: "The agent's id, or how it begins.")
  var id: String

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let agent: AgentInfo = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.get(Routes.agents, [id])
    }
    guard list.format == .table else {
      try StandardOutput.line(JSONText.pretty(agent))
      return
    }
    let problems = AgentText.problems(agent).map(EscapedText.line)
    func time(_ text: String) -> String { TimeText.shown(text) + " UTC" }
    try Listing.write(properties: [
      ("Agent", EscapedText.line(agent.id)),
      ("Segment", EscapedText.line(agent.segment)),
      ("Host", EscapedText.line(agent.hostname)),
      ("Clients reach it at", EscapedText.line(agent.clientAddress)),
      ("Version", EscapedText.line(agent.version)),
      ("Link", EscapedText.line(agent.link)),
      ("Last seen", agent.lastSeenAt.map(time) ?? "never"),
      ("Health", EscapedText.line(agent.health)),
      ("Open sessions", "\(agent.openSessions)"),
      ("Records not yet sent", "\(agent.backlogRecords)"),
      ("Policy bundle", AgentText.bundle(agent)),
      ("Enrolled", time(agent.enrolledAt)),
      ("Certificate until", time(agent.certificateExpiresAt)),
      ("Problems", problems.isEmpty ? "none" : problems.joined(separator: "\n")),
    ])
  }
}

struct RemoveAgent: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "End an agent's trust: it is cut off and gets no more policy; its records stay.",
    discussion: """
      Example:
        sallyport agents remove 0190a6f2
      """)

  @Argument(help: "The agent's id, or how it begins.")
  var id: String

  func perform() async throws {
    let removed = try await APIClient.withClient(ConfigurationSource().load()) { client in
      // The prefix is turned into the whole id first, so that what is removed is what is named.
      let agent: AgentInfo = try await client.get(Routes.agents, [id])
      try await client.delete(Routes.agents, [agent.id])
      return agent
    }
    StandardError.line(
      EscapedText.line("Agent \(removed.id) of segment \(removed.segment) removed."))
  }
}

/// Words for what an agent says of itself.
enum AgentText {
  static func bundle(_ agent: AgentInfo) -> String {
    if let rejected = agent.rejectedBundle, rejected.document == nil {
      return "\(agent.bundleVersion) (refused \(rejected.version))"
    }
    return agent.bundleVersion == agent.currentBundleVersion
      ? "\(agent.bundleVersion)" : "\(agent.bundleVersion) → \(agent.currentBundleVersion)"
  }

  /// The quarantine first, then a refused bundle, lease or root document.
  static func problems(_ agent: AgentInfo) -> [String] {
    let refused = agent.rejectedBundle.map {
      "refused \($0.document ?? "bundle") \($0.version): \($0.reason)"
        + ($0.detail.isEmpty ? "" : ", \($0.detail)")
    }
    let quarantined = agent.quarantine.map { "in quarantine since \($0.at): \($0.reason)" }
    return [quarantined, refused].compactMap { $0 } + agent.problems
  }
}
