import APIModel
import ArgumentParser
import PolicyDocuments

struct ShowPolicies: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print the policies in force, or one of them, as YAML.",
    discussion: """
      What it prints can be applied again. Of a whole version its SHA-256 is the one of the \
      history and of the control plane's own log.

      Examples:
        sallyport policy show > policies.yaml
        sallyport policy show orders-prod --version 3
        sallyport policy show --version 3 | sha256sum
      """)

  @Argument(help: "The policy's name. (default: all)")
  var name: String?

  @Option(help: "The version. (default: the one in force)")
  var version: Int?

  @OptionGroup var list: ListOptions

  func perform() async throws {
    var content = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.policies(version: version)
    }
    let number = content.version?.version ?? 0
    if let name {
      content.documents.removeAll { $0.name != name }
      guard !content.documents.isEmpty else {
        throw CLIFailure(
          .notFound, "there is no policy named \"\(name)\" in version \(number)",
          remedy: "see `sallyport policy show` for those there are")
      }
    }
    if list.format == .json { return try StandardOutput.line(JSONText.pretty(content)) }
    guard !content.documents.isEmpty else {
      StandardError.line("No policies are in force: nobody may enter.")
      return
    }
    try StandardOutput.write(
      Terminal.standardOutput().isTerminal ? EscapedText.block(content.text) : content.text)
  }
}

struct PolicyHistory: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "List the versions of the policies, newest first.",
    discussion: """
      Example:
        sallyport policy history --limit 5
      """)

  @Option(help: "How many to show, 1 to 1000.")
  var limit = 50

  @Option(help: "Go on after an earlier answer.")
  var cursor: String?

  @OptionGroup var list: ListOptions

  func validate() throws {
    guard (1...1000).contains(limit) else {
      throw ValidationError("--limit \(limit) must be between 1 and 1000.")
    }
  }

  func perform() async throws {
    let query = [("limit", "\(limit)")] + (cursor.map { [("cursor", $0)] } ?? [])
    let page: Page<PolicyVersionInfo> = try await APIClient.withClient(
      ConfigurationSource().load()
    ) {
      try await $0.get(Routes.policyVersions, query: query)
    }
    try Listing.write(
      page.items, format: list.format,
      empty: "No policies yet: nobody may enter. → sallyport policy apply FILE…",
      columns: [
        Column("VERSION", rightAligned: true), Column("MADE (UTC)"),
        Column("BY", minimumWidth: 8), Column("POLICIES", rightAligned: true, dropOrder: 1),
        Column("SHA-256", dropOrder: 2), Column("COMMENT", minimumWidth: 12),
      ], row: Self.row)
    if let next = page.nextCursor {
      StandardError.line("→ there is more: add --cursor \(EscapedText.line(next))")
    }
  }

  static func row(_ version: PolicyVersionInfo) -> [Cell] {
    let back = version.rolledBackTo.map { "back to \($0)" }
    let comment = [back, version.comment].compactMap { $0 }.joined(separator: ": ")
    return [
      Cell("\(version.version)"), Cell(TimeText.shown(version.createdAt)),
      Cell(EscapedText.line(version.createdBy)), Cell("\(version.documents)"),
      Cell(EscapedText.line(String(version.digest.prefix(12)))), Cell(EscapedText.line(comment)),
    ]
  }
}

struct DiffPolicies: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show what files would change in what is in force, or one version in another.",
    discussion: """
      Examples:
        sallyport policy diff policies/
        sallyport policy diff --from 3
        sallyport policy diff --from 3 --to 5 --format json
      """)

  @Argument(help: "Files, or folders with *.yaml files.")
  var files: [String] = []

  @Option(help: "The earlier version. (default: the one in force)")
  var from: Int?

  @Option(help: "The later version. (default: the one in force)")
  var to: Int?

  @OptionGroup var list: ListOptions

  func validate() throws {
    guard files.isEmpty != (from == nil && to == nil) else {
      throw ValidationError("Give either files, or --from and --to.")
    }
  }

  func perform() async throws {
    let new = files.isEmpty ? nil : try PolicyFiles(files).reading().documents.map(\.document)
    let difference = try await APIClient.withClient(ConfigurationSource().load()) { client in
      let old = try await client.policies(version: from).policies()
      if let new { return PolicyDifference(from: old, to: new) }
      return PolicyDifference(from: old, to: try await client.policies(version: to).policies())
    }
    if list.format == .json { return try StandardOutput.line(JSONText.pretty(difference)) }
    guard !difference.isEmpty else {
      StandardError.line("There is no difference.")
      return
    }
    try StandardOutput.line(
      PolicyDifferenceText.text(difference, colour: Terminal.standardOutput().colour))
  }
}
