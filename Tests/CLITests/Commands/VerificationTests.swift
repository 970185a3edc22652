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
}
