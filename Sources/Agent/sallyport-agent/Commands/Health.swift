import ArgumentParser
import Foundation

struct Health: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask a running agent how it is: exit code 0 when it is well.",
    discussion: """
      Example (a container's health check):
        sallyport-agent health --address 127.0.0.1:9632
      """)

  @Option(
    help: ArgumentHelp("What `serve` was given as --health-listen.", valueName: "host:port"))
  var address: HostPort

  func run() async throws {
    try await reporting {
      let answer = try await HealthProbe.ask(address, path: "/healthz")
      print(answer.body)
      guard answer.status == 200 else { throw ExitCode(StartFailure.Kind.unwell.rawValue) }
    }
  }
}
