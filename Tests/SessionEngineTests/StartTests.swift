import AuditLog
import GatewayModel
import NIOCore
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

  @Test func aStatementLimitOfABundleStaysWithinBounds() async throws {
    let (rig, _) = try await GatewayRig.serving(limits: .init(maxStatementBytes: 1))
    let short = "SELECT length('\(String(repeating: "x", count: 9_000))');"
    #expect(try await rig.psql(short).output == "9000\n")
    let long = "SELECT length('\(String(repeating: "x", count: 10_000))');"
    #expect(try await rig.psql(long).errors.contains("54000"))
    await rig.end()
  }
}
