import AgentState
import ArgumentParser
import ControlLink
import Foundation
import GatewayModel
import SystemClock

struct Enroll: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Join the control plane with a join token.",
    discussion: """
      `sallyport agents invite` makes the token. It is taken from --token-file, from the \
      environment (SALLYPORT_JOIN_TOKEN), or from standard input.
      """)

  static let tokenVariable = "SALLYPORT_JOIN_TOKEN"

  @Option(help: ArgumentHelp("The control plane's URL.", valueName: "https://host:port"))
  var server: String

  @OptionGroup var state: StateOptions

  @Option(
    help: ArgumentHelp("A file with the join token; \"-\" is standard input.", valueName: "file"))
  var tokenFile: String?

  func run() async throws {
    try await reporting {
      let enroller = try Enroller(
        server: server, token: try joinToken(), hostname: ProcessInfo.processInfo.hostName,
        agentVersion: SallyportAgent.version)
      let state = try AgentState.open(folder: state.folder, for: .enrol)
      defer { state.close() }
      let enrolment = try await enroller.enrol(into: state, now: WallTime.now())
      print("enrolled as \(enrolment.agent) in segment \(enrolment.segment)")
      print("next: sallyport-agent serve --state \(self.state.folder) --listen …")
    }
  }

  private func joinToken() throws -> Secret {
    if let tokenFile, tokenFile != "-" {
      do {
        return Secret(try Data(contentsOf: URL(fileURLWithPath: tokenFile)).prefix(4_096))
      } catch {
        throw StartFailure(
          .configuration,
          "the token file \"\(tokenFile)\" cannot be read: give one with the join token in it")
      }
    }
    if tokenFile == nil, let token = ProcessInfo.processInfo.environment[Self.tokenVariable] {
      return Secret(text: token)
    }
    guard let line = readLine(), !line.isEmpty else {
      throw StartFailure(
        .configuration,
        "no join token was given: write it to a file and name it with --token-file, set"
          + " \(Self.tokenVariable), or pipe it in")
    }
    return Secret(text: line)
  }
}
