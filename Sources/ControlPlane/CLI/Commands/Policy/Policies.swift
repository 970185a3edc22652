import ArgumentParser

struct Policies: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Who may enter and what statements may do, as documents kept in files.",
    discussion: """
      lint and test need no control plane; docs/policy.md says what documents are made of.
      """,
    subcommands: [
      ApplyPolicies.self, DiffPolicies.self, PolicyHistory.self, ShowPolicies.self,
      RollBackPolicies.self, LintPolicies.self, TestPolicies.self, ExplainPolicies.self,
      ReplayPolicies.self,
    ])
}
