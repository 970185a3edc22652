import APIModel
import ArgumentParser
import Foundation
import PolicyDocuments
import PolicyEngine
import StatementAnalysis

struct LintPolicies: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "lint", abstract: "Look for what policies say and cannot mean.",
    discussion: """
      Each finding stands with its file, line and column. It ends with 1 when there is an error, \
      or no policy; warnings alone end with 0. The connections that there are come from the control plane; with \
      --offline they are not looked at. A catalogue says what tables there are: \
      catalogue: { public.orders: [id, total] }

      Examples:
        sallyport policy lint policies/ --offline
        sallyport policy lint orders.yaml --catalogue shop.catalogue.yaml
      """)

  @Argument(help: "Files, or folders with *.yaml files.")
  var files: [String]

  @Option(help: "A file that lists tables with their columns.")
  var catalogue: String?

  @Flag(help: "Ask no control plane.")
  var offline = false

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let files = try PolicyFiles(self.files)
    try files.requirePolicies()
    let known = offline ? nil : try await Self.connections()
    var catalogue: Catalogue?
    var found: [Diagnostic] = []
    if let path = self.catalogue {
      let read = try PolicyFiles([path])
      for file in read.policies + read.tests {
        let (part, diagnostics) = Catalogue.reading(file)
        catalogue = part
        found += diagnostics
      }
    }
    let reading = PolicyReading(files.policies)
    found += reading.diagnostics
    if reading.isUsable {
      found += PolicyLint(reading.documents, connections: known, catalogue: catalogue)
        .diagnostics()
    }
    found += PolicyCases(files.tests).diagnostics
    let errors = found.count { $0.severity == .error }
    switch list.format {
    case .json: try StandardOutput.line(JSONText.pretty(found.map(PolicyDiagnostic.init)))
    case .table:
      for diagnostic in found { try StandardOutput.line(DiagnosticText.line(diagnostic)) }
      StandardError.line(
        Self.summary(policies: reading.documents.count, errors: errors, all: found.count))
    }
    if errors > 0 { throw ExitCode(CLIExit.failed.rawValue) }
  }

  static func summary(policies: Int, errors: Int, all: Int) -> String {
    func count(_ number: Int, _ what: String) -> String {
      "\(number) \(what)\(number == 1 ? "" : "s")"
    }
    let policies = policies == 1 ? "1 policy" : "\(policies) policies"
    return "\(policies), \(count(errors, "error")), \(count(all - errors, "warning"))"
  }

  private static func connections() async throws -> [PolicyLint.KnownConnection] {
    let all: [ConnectionInfo] = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.all(Routes.connections)
    }
    return all.map { PolicyLint.KnownConnection(name: $0.name, labels: $0.labels) }
  }
}

struct TestPolicies: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Try policies on cases; needs no control plane.",
    discussion: """
      Cases stand in *.test.yaml files beside the policies: who, where, what SQL, and what policy \
      has to say. A case that fails is told with what was decided and every grant and rule that \
      was considered. It ends with 1 when one fails.

      Examples:
        sallyport policy test deploy/examples/policies
        sallyport policy test orders.yaml orders.test.yaml --format json
      """)

  @Argument(help: "Files, or folders with *.yaml and *.test.yaml files.")
  var files: [String]

  @OptionGroup var list: ListOptions

  /// A case with what came of it, for programs.
  struct Result: Encodable {
    var file: String
    var line: Int
    var name: String
    var isPassed: Bool
    var differences: [String]
    var explanation: String?
  }

  func perform() async throws {
    let files = try PolicyFiles(self.files)
    let reading = try files.reading()
    let cases = PolicyCases(files.tests)
    guard !cases.diagnostics.contains(where: { $0.severity == .error }) else {
      throw PolicyFiles.refusal(cases.diagnostics)
    }
    guard !cases.cases.isEmpty else {
      throw CLIFailure(
        .failed, "there are no cases in what was named",
        remedy: "name a *.test.yaml file, or a folder with some")
    }
    let results = cases.run(PolicySet(reading.documents.map(\.document))) {
      StatementAnalysis.facts(of: $0)
    }
    let failed = results.count { !$0.isPassed }
    switch list.format {
    case .json: try StandardOutput.line(JSONText.pretty(results.map(Self.result)))
    case .table:
      for result in results where !result.isPassed {
        try StandardOutput.line(EscapedText.block(result.text))
      }
      try StandardOutput.line("\(results.count - failed) passed, \(failed) failed")
    }
    if failed > 0 { throw ExitCode(CLIExit.failed.rawValue) }
  }

  private static func result(_ result: CaseResult) -> Result {
    Result(
      file: result.policyCase.place.file, line: result.policyCase.place.line,
      name: result.policyCase.name, isPassed: result.isPassed, differences: result.differences,
      explanation: result.isPassed ? nil : result.explanation)
  }
}
