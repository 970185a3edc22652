import AgentState
import ArgumentParser
import ControlLink
import Foundation

struct AcceptControlLog: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trust the control plane's own log again after its database was restored.",
    discussion: """
      An agent reports `failing` when the control plane's own log is not the one it has seen \
      before. Where the database was restored from a backup, that is as it must be: find out first \
      that nothing else has changed it. Also while the agent runs, which takes it up within \
      half a minute and records it.

      Example:
        sallyport-agent accept-control-log --state /var/lib/sallyport-agent \\
          --reason "database restored from the backup of Monday"
      """)

  @OptionGroup var state: StateOptions

  @Option(help: ArgumentHelp("Why, for the audit trail.", valueName: "text"))
  var reason: String

  /// Far more than a sentence, far less than a record can hold.
  private static let longestReason = 1_024

  func validate() throws {
    guard (1...Self.longestReason).contains(reason.utf8.count),
      !reason.allSatisfy(\.isWhitespace)
    else {
      throw ValidationError(
        "--reason has \(reason.utf8.count) bytes: say why in 1 to \(Self.longestReason).")
    }
  }

  func run() async throws {
    try await reporting {
      let state = try AgentState.open(folder: state.folder, for: .inspect)
      defer { state.close() }
      let known = ControlLogText.head(try await state.controlCheckpoint())
      guard let conflict = try await state.controlConflict() else {
        throw StartFailure(
          .configuration,
          "nothing to accept: the agent in \"\(self.state.folder)\" has found nothing wrong with"
            + " the control plane's own log (last seen: \(known)); when its database was restored"
            + " just now, wait until the agent reports it")
      }
      guard ControlLogText.canBeAccepted(conflict) else {
        throw StartFailure(
          .configuration,
          "the control plane's own log is signed with another key than the agent in"
            + " \"\(self.state.folder)\" was enrolled with, which cannot be accepted: enrol the agent"
            + " again in an empty state folder")
      }
      guard let found = try await state.acceptControlLog(reason: reason) else {
        throw StartFailure(
          .configuration,
          "nothing to accept any more: the control plane's own log fits again what the agent has"
            + " seen of it")
      }
      if let earlier = found.acceptance {
        throw StartFailure(
          .configuration,
          "accepted already (\"\(earlier)\"): the agent takes it up when the control plane answers"
            + " it the next time; see that it runs and is attached")
      }
      print("last head trusted:   \(known)")
      print("shown in its place:  \(ControlLogText.head(found.offered))")
      print(
        "accepted: the next head that the agent is shown with the control plane's signature is"
          + " trusted, and from then on only what goes on from there")
    }
  }
}
