import APIModel
import ArgumentParser
import Foundation
import PolicyDocuments

struct ApplyPolicies: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Put policies in force, whole; agents have them in seconds.",
    discussion: """
      What is in force and not in the files is removed with --prune alone; without it nothing is \
      applied. Files are taken in the order in which they are named, those of a folder by name; \
      *.test.yaml files are left out. `-` is standard input. Grants are looked at in that order.

      Examples:
        sallyport policy apply policies/ --dry-run
        sallyport policy apply policies/ --comment "readers may see invoices" --base-version 7
        sallyport policy show | sallyport policy apply -
      """)

  @Argument(help: "Files, or folders with *.yaml files.")
  var files: [String]

  @Flag(help: "Check and show what would change, and change nothing.")
  var dryRun = false

  @Flag(help: "Remove what is in force and not in the files.")
  var prune = false

  @Option(help: "Why, for the history.")
  var comment: String?

  @Option(help: "Refuse when another version than this is in force; 0 is none.")
  var baseVersion: Int?

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let files = try PolicyFiles(self.files)
    // What is wrong with the files themselves is told without asking anybody.
    _ = try files.reading()
    let application = PolicyApplication(
      documents: files.policies.map { PolicyFile(path: $0.path, text: $0.text) }, dryRun: dryRun,
      prune: prune, comment: comment, baseVersion: baseVersion)
    let outcome: PolicyOutcome = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.post(Routes.policy, body: application)
    }
    try PolicyOutcomeText.write(outcome, format: list.format, dryRun: dryRun)
  }
}

struct RollBackPolicies: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Put an earlier version in force once more, as a new version.",
    discussion: """
      Examples:
        sallyport policy rollback 3
        sallyport policy rollback 3 --comment "invoices were closed to the reporting job"
      """)

  @Argument(help: "The version; see `sallyport policy history`.")
  var version: Int

  @Option(help: "Why, for the history.")
  var comment: String?

  @Option(help: "Refuse when another version than this is in force.")
  var baseVersion: Int?

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let rollback = PolicyRollback(
      version: version, comment: comment, baseVersion: baseVersion)
    let outcome: PolicyOutcome = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.post(Routes.policyRollback, body: rollback)
    }
    try PolicyOutcomeText.write(outcome, format: list.format, dryRun: false)
  }
}

/// What an application did, for people: the changes on standard output, the rest beside it.
enum PolicyOutcomeText {
  static func write(_ outcome: PolicyOutcome, format: ListFormat, dryRun: Bool) throws {
    for diagnostic in outcome.diagnostics { StandardError.line(DiagnosticText.line(diagnostic)) }
    guard format == .table else { return try StandardOutput.line(JSONText.pretty(outcome)) }
    let changes = try text(outcome.difference)
    if !changes.isEmpty { try StandardOutput.line(changes) }
    StandardError.line(summary(outcome, dryRun: dryRun))
  }

  /// As the differences of files are written.
  static func text(_ changes: PolicyChanges) throws -> String {
    // The two have one form in JSON.
    let difference = try JSONDecoder().decode(
      PolicyDifference.self, from: JSONEncoder().encode(changes))
    return PolicyDifferenceText.text(difference, colour: Terminal.standardOutput().colour)
  }

  static func summary(_ outcome: PolicyOutcome, dryRun: Bool) -> String {
    let inForce = outcome.version == 0 ? "nothing" : "version \(outcome.version)"
    if dryRun {
      return outcome.difference.items.isEmpty
        ? "Nothing would change; \(inForce) is in force."
        : "Nothing was changed (--dry-run); \(inForce) is in force."
    }
    guard outcome.isNew else { return "Nothing changes; \(inForce) is in force." }
    let layout =
      outcome.difference.items.isEmpty ? " What it says is what was in force before." : ""
    return "Version \(outcome.version) is in force.\(layout)"
  }
}

/// Differences of policies for people.
enum PolicyDifferenceText {
  static func text(_ difference: PolicyDifference, colour: Bool) -> String {
    let blocks = difference.items.map { item in
      let text = EscapedText.block(item.text)
      switch item.change {
      case .added: return Style.success.applied(to: text, colour: colour)
      case .removed: return Style.failure.applied(to: text, colour: colour)
      case .changed, .moved: return Style.warning.applied(to: text, colour: colour)
      }
    }
    return blocks.joined(separator: "\n")
  }
}
