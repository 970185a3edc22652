import APIModel
import ArgumentParser
import Foundation

struct InviteAgent: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "invite",
    abstract: "Make a one-use join token for a new agent.",
    discussion: """
      The token alone goes to standard output, the command to run to standard error.

      Example:
        sallyport agents invite --segment eu --address db-gw.example.com:6432 >join-token
      """)

  @Option(help: "The network segment the agent will serve.")
  var segment: String

  @Option(help: "Where clients will reach the agent, host:port.")
  var address: String

  @Option(help: "A further name for its certificate; repeat it for more.")
  var name: [String] = []

  @Option(help: "How long the token can be used.")
  var ttl = DurationArgument(seconds: 900)

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let configuration = try ConfigurationSource().load()
    let draft = InvitationDraft(
      segment: segment, clientAddress: address, names: name, lifetimeSeconds: ttl.seconds)
    let invitation: Invitation = try await APIClient.withClient(configuration) {
      try await $0.post(Routes.invitations, body: draft)
    }
    let command = """
      sallyport-agent enroll --server \(configuration.server.text) \
      --token-file join-token --state /var/lib/sallyport-agent
      """
    switch list.format {
    case .json:
      try StandardOutput.line(
        JSONText.pretty(
          [
            "joinToken": invitation.joinToken, "expiresAt": invitation.expiresAt,
            "command": command,
          ]))
    case .table:
      let until = TimeText.shown(invitation.expiresAt)
      StandardError.line(
        """
        Join token for one agent of segment \(EscapedText.line(segment)), good once until \
        \(until) UTC:
        """)
      try StandardOutput.line(EscapedText.line(invitation.joinToken))
      StandardError.line(
        """
        → put it into a file "join-token" on the agent's machine (umask 077) and run there:
          \(command)
        """)
    }
  }
}
