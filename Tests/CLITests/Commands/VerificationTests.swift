import AuditLog
import Foundation
import Testing

@testable import sallyport

/// What stands around a verification at the command line.
@Suite struct VerificationTests {
  @Test func trustedKeys() throws {
    let key = Data(repeating: 7, count: 32).base64EncodedString()
    let id = "00000000-0000-0001-0000-000000000002"
    let trusted = try TrustedKeys(text: "# agents\n\n\(id) \(key) gw-1\n", source: "keys")
    #expect(trusted.keys.map { "\($0.key)" } == [id])
    #expect(trusted.keys.values.first == [UInt8](repeating: 7, count: 32))
    for text in [id, "\(id) AAAA", "gw-1 \(key)"] {
      #expect(throws: CLIFailure.self) { try TrustedKeys(text: text, source: "keys") }
    }
  }

  /// A file without a key must not be as good as none, with which every key is taken.
  @Test(arguments: ["", "\n", "# none yet\n"])
  func noTrustedKeys(text: String) {
    #expect(throws: CLIFailure.self) { try TrustedKeys(text: text, source: "keys") }
  }

  @Test func equivocationsAreTold() throws {
    var verifier = ExportVerifier()
    var report = verifier.finish()
    #expect(VerificationText(report).notes == nil)
    report.equivocations = 3
    #expect(VerificationText(report).notes?.hasPrefix("3 times an agent") == true)
    let json = try JSONEncoder().encode(VerificationInfo(report))
    let fields = try JSONSerialization.jsonObject(with: json) as? [String: Any]
    #expect(fields?["equivocations"] as? Int == 3)
  }

  // MARK: Tables

  private static func read(_ lines: [String]) -> VerificationReport {
    var verifier = ExportVerifier()
    var report = verifier.finish()
    report.findings = []
    var tables = TablesVerification()
    for line in lines { tables.take(Data(line.utf8)) }
    tables.finish(&report)
    return report
  }

  private static let close =
    #"{"close":{"records":9,"rows":4,"texts":1,"findings":1,"leftOut":2,"unproven":3}}"#
  private static let finding = #"{"finding":{"seq":7,"message":"statement: the row is missing"}}"#

  @Test func whatTheControlPlaneFindsInItsTablesIsAFinding() throws {
    let report = Self.read([#"{"progress":{"records":1,"rows":1}}"#, Self.finding, Self.close])
    #expect(report.findings == [Finding(.projection, seq: 7, "statement: the row is missing")])
    #expect(report.tables?.rows == 4)
    #expect(VerificationText(report).tables.contains("4 rows and 1 SQL texts"))
    #expect(VerificationText(report).notes?.contains("2 more rows differ") == true)
    #expect(VerificationText(report).notes?.contains("Of 3 SQL texts") == true)
    let json = try JSONEncoder().encode(VerificationInfo(report))
    #expect(String(decoding: json, as: UTF8.self).contains(#""code":"projection""#))
  }

  /// An answer that is cut off, or is none, must not be taken for one that found nothing.
  @Test(arguments: [
    [], [finding], [close], [finding, finding, close], [finding, close, close], ["{}"],
    [#"{"finding":{"seq":7}}"#, close],
  ])
  func anAnswerThatIsCutOffIsUnreadable(lines: [String]) {
    #expect(Self.read(lines).findings.contains { $0.code == .unreadable })
  }

  /// What the records are must be told all the same.
  @Test func anAnswerThatFailsIsAFinding() async throws {
    var verifier = ExportVerifier()
    var report = verifier.finish()
    report.findings = []
    var tables = try await TablesVerification.reading { take in
      take(Data(Self.finding.utf8))
      throw CLIFailure(.failed, "the control plane went away")
    }
    tables.finish(&report)
    #expect(report.findings.map(\.code) == [.projection, .unreadable])
    #expect(report.findings.last?.message.hasSuffix("the control plane went away") == true)
    #expect(VerificationText(report).tables.contains("were not compared"))
    await #expect(throws: CancellationError.self) {
      _ = try await TablesVerification.reading { _ in throw CancellationError() }
    }
  }

  @Test func textsThatCountAsGivenUpAreNamed() {
    let report = Self.read([
      #"{"close":{"records":9,"rows":4,"texts":1,"findings":0,"leftOut":0,"unproven":1,"#
        + #""givenUp":["ab12"]}}"#
    ])
    #expect(report.findings == [])
    #expect(VerificationText(report).notes?.contains("ab12") == true)
  }

  @Test func tablesThatWereNotComparedAreSaidSo() {
    var verifier = ExportVerifier()
    #expect(VerificationText(verifier.finish()).tables.contains("were not compared"))
  }

  @Test func theTablesAreComparedUnlessAPartIsAskedFor() throws {
    #expect(try AuditVerify.parse([]).comparesTables)
    #expect(try AuditVerify.parse(["--agent", "0190"]).comparesTables)
    #expect(try !AuditVerify.parse(["--records-only"]).comparesTables)
    #expect(try !AuditVerify.parse(["--since", "7d"]).comparesTables)
    #expect(try !AuditVerify.parse(["trail.jsonl"]).comparesTables)
    #expect(throws: (any Error).self) {
      try AuditVerify.parse(["trail.jsonl", "--records-only"])
    }
  }
}
