import Foundation
import PolicyEngine
import StatementAnalysis
import Testing

@testable import PolicyDocuments

/// The policies of deploy/examples say what their own cases expect.
@Suite struct ExampleTests {
  static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "deploy/examples/policies")

  private func files(tests: Bool) throws -> [SourceFile] {
    try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).sorted()
      .filter { $0.hasSuffix(".yaml") && $0.hasSuffix(".test.yaml") == tests }
      .map { name in
        SourceFile(
          path: name,
          text: try String(contentsOf: Self.folder.appending(path: name), encoding: .utf8))
      }
  }

  @Test func casesAreDecidedAsExpected() throws {
    let reading = PolicyReading(try files(tests: false))
    #expect(reading.diagnostics.isEmpty, "\(reading.diagnostics)")
    let cases = PolicyCases(try files(tests: true))
    #expect(cases.diagnostics.isEmpty, "\(cases.diagnostics)")
    let results = cases.run(PolicySet(reading.documents.map(\.document))) {
      StatementAnalysis.facts(of: $0)
    }
    #expect(results.count >= 40)
    for result in results { #expect(result.isPassed, "\(result.text)") }
  }

  @Test func examplesHaveNothingThatIsNotMeant() throws {
    let policies = PolicyReading(try files(tests: false)).documents
    let told = PolicyLint(policies).diagnostics().map(\.description)
    // Administrators may run code, and what it does is not seen.
    #expect(told.count == 1 && told[0].contains("\"no-programs\" refuses effects"), "\(told)")
  }
}
