import APIModel
import ArgumentParser

struct ReleaseAgent: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "release",
    abstract: "End an agent's quarantine: its records are taken again.",
    discussion: """
      An agent is in quarantine when it has signed two histories of one log, or goes on with a log \
      that it has given up: its host was cloned, or it lies. End the other copy first. An agent \
      whose own history is not the stored one is found again; enrol it anew instead.

      Example:
        sallyport agents release 0190a6f2 --reason "clone of db-host removed"
      """)

  @Argument(help: "The agent's id, or how it begins.")
  var id: String

  @Option(help: ArgumentHelp("What was found; it is recorded.", valueName: "text"))
  var reason: String

  func perform() async throws {
    let released = try await APIClient.withClient(ConfigurationSource().load()) { client in
      // The prefix is turned into the whole id first, so that what is released is what is named.
      let agent: AgentInfo = try await client.get(Routes.agents, [id])
      let released: AgentInfo = try await client.post(
        Routes.agents, [agent.id, "release"], body: ReleaseRequest(reason: reason))
      return released
    }
    StandardError.line(
      EscapedText.line("Agent \(released.id) of segment \(released.segment) released."))
  }
}
