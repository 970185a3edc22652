import AuditLog
import Foundation
import GatewayModel
import NIOCore
import RecordLog
import SessionEngine
import TestSupport
import Testing

/// How a gateway begins.
@Suite struct StartTests {
  @Test func aPolicyAppliedBeforeTheStartIsInForceForTheFirstClient() async throws {
    let database = try await Database.shared.value
    var options = GatewayRig.Options()
    options.kept = { [try database.connection(agent: $0)] }
    let rig = try await GatewayRig(options)
    #expect(await rig.gateway.health().state == .ok)
    #expect(try await rig.psql("SELECT 1;").output == "1\n")
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.refusals.isEmpty)
    #expect(records.opens.map(\.bundleVersion) == [1])
    // Of each lane's log, right behind its opening.
    let applied = records.filter { $0.kind == .bundleApplied }
    #expect(applied.map(\.header.seq) == [1, 1])
    // A later one is in force on all lanes too.
    await rig.apply([], version: 2)
    #expect(try await rig.psql("SELECT 1;").exit == .code(2))
    await rig.end()
  }

  /// The agent was killed with three lanes and comes back with one, on a disk that fails at first:
  /// the logs of the others end as soon as it can write them.
  @Test func lanesThatThisRunHasNotAreEndedWhenTheirFilesCanBeWritten() async throws {
    let files = FailingFiles { $0.contains("-1-0000") }
    var options = GatewayRig.Options()
    options.files = files
    options.threads = 1
    options.limits.logWatchInterval = .milliseconds(20)
    options.log = { folder in
      let configuration = RecordLogConfiguration(folder: folder)
      let killed = try? RecordLogDirectory(
        configuration: configuration, agent: AgentID(Identifier128(high: 1, low: 2)),
        now: GatewayRig.now())
      for lane: UInt32 in 0..<3 {
        _ = try? killed?.openWriter(
          lane: lane, identity: WriterIdentity(agentVersion: "test", host: "test"),
          at: GatewayRig.now())
      }
      files.errorNumber = EIO
      return configuration
    }
    let rig = try await GatewayRig(options)
    func kinds(_ lane: UInt32) throws -> [RecordKind] {
      let log = LogID(agent: rig.agent, epoch: rig.log.epoch, lane: lane)
      return try rig.log.reader(for: log).batch(
        from: 0, maximumRecords: 9, maximumBytes: .max
      ).records.map { try RecordDecoder.decode($0).kind }
    }
    #expect(try kinds(2) == [.logOpen, .logOpen, .logClose])
    #expect(try kinds(1) == [.logOpen])
    #expect(rig.log.health.state == .failing)
    files.errorNumber = nil
    try await eventually("the end of lane 1", within: GatewayRig.patience) {
      try kinds(1) == [.logOpen, .logOpen, .logClose]
    }
    #expect(rig.log.health.state == .ok)
    await rig.end()
    #expect(try kinds(0) == [.logOpen, .logOpen, .logClose])
    #expect(try kinds(2).count == 3)
  }

  @Test func aStatementLimitOfABundleStaysWithinBounds() async throws {
    let (rig, _) = try await GatewayRig.serving(limits: .init(maxStatementBytes: 1))
    let short = "SELECT length('\(String(repeating: "x", count: 9_000))');"
    #expect(try await rig.psql(short).output == "9000\n")
    let long = "SELECT length('\(String(repeating: "x", count: 10_000))');"
    #expect(try await rig.psql(long).errors.contains("54000"))
    await rig.end()
  }
}
