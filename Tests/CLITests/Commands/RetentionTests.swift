import APIModel
import Foundation
import GatewayModel
import Testing

@testable import AuditLog
@testable import sallyport

struct RetentionTests {
  private static let day = RetentionDayInfo(
    day: "2026-05-04", since: "2026-05-04T00:00:00.000000Z", until: "2026-05-05T00:00:00.000000Z",
    records: 12, statements: 3, bytes: 4096, connections: ["orders"], mayGo: true, reasons: [])

  @Test func periods() {
    #expect(RetentionArgument(argument: "90d") == .days(90))
    #expect(RetentionArgument(argument: "2w") == .days(14))
    #expect(RetentionArgument(argument: "forever") == .forever)
    #expect(RetentionArgument(argument: "default") == .fleet)
    for text in ["", "90", "36h", "1d1s", "-1d", "0d", "never"] {
      #expect(RetentionArgument(argument: text) == nil, "\(text)")
    }
  }

  @Test func changes() throws {
    func change(_ arguments: [String]) throws -> RetentionChange? {
      try (Sallyport.parseAsRoot(["retention", "set"] + arguments) as? SetRetention)?.change
    }
    #expect(try change(["48h"]) == RetentionChange(connection: nil, days: 2))
    #expect(
      try change(["forever", "--connection", "a"]) == RetentionChange(connection: "a", days: nil))
    #expect(
      try change(["default", "--connection", "a"])
        == RetentionChange(connection: "a", days: nil, followsFleet: true))
    #expect(throws: (any Error).self) { try change(["default"]) }
    #expect(throws: (any Error).self) { try Sallyport.parseAsRoot(["retention", "run"]) }
    #expect(throws: (any Error).self) {
      try Sallyport.parseAsRoot(["retention", "hold", "add", "case-7"])
    }
  }

  @Test func conclusions() {
    var run = RetentionRun(isDry: true)
    var staying = Self.day
    staying.reasons = ["The hold \"case\u{1B}-7\" covers it."]
    run.stays = staying
    run.behind = 4
    #expect(
      run.conclusion == [
        "No day may go.", "2026-05-04 stays:", "  The hold \"case\\u{1B}-7\" covers it.",
        "  4 later days behind it.",
      ])
    run.stays = nil
    run.days = [RetentionRun.Day(Self.day)]
    #expect(run.conclusion == ["1 day would go."])
    run.isDry = false
    #expect(run.conclusion == ["1 day removed."])
  }

  @Test func onlyASoundExportIsHandedOn() throws {
    let folder = FileManager.default.temporaryDirectory.path
    let log = LogID(agent: AgentID(Identifier128(high: 1, low: 2)), epoch: 3, lane: 0)
    let other = LogID(agent: AgentID(Identifier128(high: 1, low: 3)), epoch: 1, lane: 0)
    func verified(_ log: LogID, _ from: UInt64, _ size: UInt64, own: Bool = false) -> VerifiedLog {
      VerifiedLog(
        log: log, isOfControlPlane: own, from: from, size: size, root: MerkleTree.emptyRoot,
        facts: LogFacts())
    }
    var verifier = ExportVerifier()
    var report = verifier.finish()
    report.findings = []
    report.logs = [verified(other, 0, 9, own: true), verified(log, 5, 12), verified(other, 7, 7)]
    var day = Self.day
    // Names of files are made of nothing else that a server may send.
    day.day = "../2026-05-04"
    let export = DayExport(folder: folder, day: day)
    #expect(export.name == "sallyport-2026-05-04.jsonl")
    #expect(
      try export.request(report, hash: "ab")
        == PruneRequest(
          exportFile: "sallyport-2026-05-04.jsonl", exportSHA256: "ab",
          logs: [
            PruneRequest.Log(
              log: "\(log)", from: 5, next: 12, root: "\(MerkleTree.emptyRoot)")
          ]))
    report.findings = [Finding(.altered, log: log, seq: 6, "its bytes are not those")]
    let failure = #expect(throws: CLIFailure.self) { try export.request(report, hash: "ab") }
    #expect(failure?.message.contains("record 6") == true)
    #expect(failure?.message.contains("was not removed") == true)
  }
}
