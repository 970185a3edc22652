import APIModel
import ArgumentParser

struct ShowSession: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one session and all that happened in it, oldest first.",
    discussion: """
      Who came from where, over what, to what; then each statement with its number, the time since \
      the session opened, its text, parameters and outcome; refusals, cancels, losses of records, \
      and numbers that are missing. Agents draw the ids: should several agents have recorded a \
      session of this id, each is shown.

      Example:
        sallyport sessions show 0190a6f2-7c3e-7d41-9a55-2f1f0c7a9b10
      """)

  @Argument(help: "The session's id.")
  var id: String

  @Option(help: "The agent's id, or how it begins.")
  var agent: String?

  @OptionGroup var list: ListOptions

  func perform() async throws {
    try await APIClient.withClient(ConfigurationSource().load()) { client in
      let first: Page<SessionDetail> = try await client.get(
        Routes.sessions, [id], query: agent.map { [("agent", $0)] } ?? [])
      for (index, detail) in first.items.enumerated() {
        if index > 0, list.format == .table { try StandardOutput.line("") }
        switch list.format {
        case .table: try await show(detail, client)
        case .json: try await print(detail, client)
        }
      }
      if first.items.count > 1 {
        StandardError.line(
          """
          → \(first.items.count) agents have recorded a session of this id, and one of them may \
          have done so to confuse: find out which, and remove it
          """)
      }
    }
  }

  private func show(_ detail: SessionDetail, _ client: APIClient) async throws {
    try Listing.write(
      properties: SessionText.properties(detail.session, detail.circumstances))
    var timeline = SessionTimeline(detail: detail, terminal: .standardOutput())
    try write(timeline.lines(detail.statements))
    try await pages(after: detail, client) { try write(timeline.lines($0)) }
    try write(timeline.end())
  }

  private func print(_ detail: SessionDetail, _ client: APIClient) async throws {
    var whole = detail
    try await pages(after: detail, client) { whole.statements += $0 }
    whole.nextCursor = nil
    try StandardOutput.line(JSONText.pretty(whole))
  }

  private func write(_ lines: [String]) throws {
    if !lines.isEmpty { try StandardOutput.write(lines.joined(separator: "\n") + "\n") }
  }

  /// Gives the statements after the first page, page by page.
  private func pages(
    after first: SessionDetail, _ client: APIClient, take: ([StatementInfo]) throws -> Void
  ) async throws {
    var cursor = first.nextCursor
    while let now = cursor {
      let page: Page<SessionDetail> = try await client.get(
        Routes.sessions, [id], query: [("agent", first.session.agent), ("cursor", now)])
      guard let detail = page.items.first, !detail.statements.isEmpty else { return }
      try take(detail.statements)
      cursor = detail.nextCursor
    }
  }
}
