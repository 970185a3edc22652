import APIModel
import ArgumentParser

struct Status: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the state of the control plane and its agents.",
    discussion: """
      Ends with 1 when something is wrong, so that a monitor can call it.

      Example:
        sallyport status --format json
      """)

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let status: FleetStatus = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.get(Routes.status)
    }
    switch list.format {
    case .json: try StandardOutput.line(JSONText.pretty(status))
    case .table: try show(status)
    }
    if !status.problems.isEmpty || !status.databaseOK { throw ExitCode(CLIExit.failed.rawValue) }
  }

  private func show(_ status: FleetStatus) throws {
    let colour = Terminal.standardOutput().colour
    let problems = status.problems.map {
      Style.failure.applied(to: EscapedText.line($0), colour: colour)
    }
    try Listing.write(properties: [
      ("Organisation", EscapedText.line(status.organisation)),
      ("Version", EscapedText.line(status.version)),
      ("Database", status.databaseOK ? "ok" : "not reachable"),
      ("Connections", "\(status.connections)"),
      ("Grants", "\(status.grants)"),
      ("Agents", "\(status.agentsOnline) of \(status.agentsTotal) online"),
      ("Open sessions", "\(status.openSessions)"),
      ("Records", "\(status.recordsStored)"),
      ("Problems", problems.isEmpty ? "none" : problems.joined(separator: "\n")),
    ])
  }
}
