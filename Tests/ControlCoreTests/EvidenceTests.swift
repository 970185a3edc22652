import AuditLog
import ControlCore
import Foundation
import GatewayModel
import Synchronization
import Testing

/// Exports and proofs of the control plane's own log, which every store has.
@Suite struct EvidenceTests {
  private static func lines(
    _ plane: Plane, agents: [String] = [], since: String? = nil, until: String? = nil
  ) async throws -> [Data] {
    let export = try await plane.plane.evidence.export(
      agents: agents, since: since, until: until, by: plane.caller)
    let written = Mutex(Data())
    try await export.write { bytes in written.withLock { $0.append(bytes) } }
    return written.withLock { $0 }.split(separator: 10).map { Data($0) }
  }

  private static func verify(_ lines: [Data]) -> VerificationReport {
    var verifier = ExportVerifier()
    for line in lines { verifier.take(line) }
    return verifier.finish()
  }

  @Test func anExportIsSound() async throws {
    let plane = try await Plane()
    for _ in 0..<300 { _ = try await plane.enrol() }
    let lines = try await Self.lines(plane)
    let report = Self.verify(lines)
    #expect(report.findings == [])
    #expect(report.isComplete)
    #expect(report.records > 600)
    #expect(report.logs.map(\.isOfControlPlane) == [true])
    // One record left out.
    var short = lines
    let index = try #require(lines.firstIndex { $0.starts(with: Data("{\"record\"".utf8)) })
    short.remove(at: index + 5)
    #expect(Self.verify(short).findings.first?.code == .missing)
    #expect(Self.verify(short).findings.first?.seq == 5)
  }

  @Test func theExportIsRecordedBeforeItIsRead() async throws {
    let plane = try await Plane()
    let before = plane.store.state.withLock { $0.log.count }
    let lines = try await Self.lines(plane)
    let log = plane.store.state.withLock { $0.log }
    #expect(log.count == before + 1)
    guard case .read(let read) = log.last?.body else {
      Issue.record("the export left no record")
      return
    }
    #expect(read.what == "export")
    #expect(read.caller.name == "admin")
    let records = lines.count { $0.starts(with: Data("{\"record\"".utf8)) }
    #expect(records == log.count, "its own record is in the export")
  }

  @Test func nothingIsReadThatCannotBeRecorded() async throws {
    let plane = try await Plane()
    plane.store.state.withLock { $0.failure = ControlError(.unavailable, "away") }
    await #expect(throws: ControlError.self) {
      _ = try await plane.plane.evidence.export(
        agents: [], since: nil, until: nil, by: plane.caller)
    }
  }

  @Test func badQuestions() async throws {
    let plane = try await Plane()
    for (agents, since, word) in [
      (["zz"], nil, "zz"), (["aaaaaaaaaaaaaaaaaaaa"], nil, "aaaaaaaaaaaaaaaaaaaa"),
      ([], "yesterday", "yesterday"),
    ] as [([String], String?, String)] {
      let error = await #expect(throws: ControlError.self) {
        _ = try await plane.plane.evidence.export(
          agents: agents, since: since, until: nil, by: plane.caller)
      }
      #expect(error?.message.contains(word) == true)
      #expect(error?.remedy != nil)
    }
  }

  @Test func proofs() async throws {
    let plane = try await Plane()
    for _ in 0..<5 { _ = try await plane.enrol() }
    let log = try #require(try await plane.store.storedLogs(of: nil).first?.log)
    for seq in [UInt64(0), 3, 9] {
      let proof = try await plane.plane.evidence.proof(
        agent: log.agent.description, epoch: log.epoch, lane: log.lane, seq: seq,
        by: plane.caller)
      #expect(try proof.verified().header.seq == seq)
    }
    let error = await #expect(throws: ControlError.self) {
      _ = try await plane.plane.evidence.proof(
        agent: log.agent.description, epoch: log.epoch, lane: log.lane, seq: 10_000,
        by: plane.caller)
    }
    #expect(error?.code == .notFound)
  }

  @Test func aComparisonIsRecordedAndHasItsLastLine() async throws {
    let plane = try await Plane()
    let comparison = try await plane.plane.evidence.comparison(agents: [], by: plane.caller)
    guard case .read(let read) = plane.store.state.withLock({ $0.log.last?.body }) else {
      Issue.record("the comparison left no record")
      return
    }
    #expect(read.what == "comparison")
    let written = Mutex(Data())
    try await comparison.write { bytes in written.withLock { $0.append(bytes) } }
    var reader = ComparisonReader()
    for line in written.withLock({ $0 }).split(separator: 10) { _ = reader.take(Data(line)) }
    var verifier = ExportVerifier()
    var report = verifier.finish()
    report.findings = []
    reader.finish(&report)
    #expect(report.findings.map(\.code) == [.projection])
    #expect(report.findings.first?.seq == 1)
    #expect(report.tables?.records == 2)
  }
}
