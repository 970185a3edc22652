import AuditLog
import Foundation
import GatewayModel
import NIOCore
import PostgresWire
import RecordLog
import SessionEngine
import TestSupport
import Testing

/// What cannot be recorded does not reach the server.
@Suite struct RecordLogFailureTests {
  private func session(_ rig: GatewayRig) async throws -> ScriptedClient {
    let client = try await ScriptedClient(
      .loopback(port: rig.port), security: .negotiated(try rig.pki.clientContext()))
    _ = try await client.logIn(user: "app", database: "orders", password: try await rig.token())
    return client
  }

  @Test(arguments: [EIO, ENOSPC])
  func aFailedWriteStopsTheStatementAndEverySession(_ errorNumber: Int32) async throws {
    let files = FailingFiles()
    var options = GatewayRig.Options()
    options.files = files
    options.threads = 1
    let (rig, database) = try await GatewayRig.serving(options)
    let table = "kept_\(errorNumber)"
    try await database.cluster.sql(
      "CREATE TABLE \(table) (id int); ALTER TABLE \(table) OWNER TO app",
      database: "shop")
    let idle = try await session(rig)
    let client = try await session(rig)
    _ = try await client.query("INSERT INTO \(table) VALUES (1)")
    files.errorNumber = errorNumber
    try await client.peer.send(FrontendMessage.Query(sql: "INSERT INTO \(table) VALUES (2)").encode)
    for peer in [client.peer, idle.peer] {
      let frame = try await peer.receive(BackendMessageType.self, within: GatewayRig.patience)
      #expect(frame.type == .errorResponse)
      let error = try BackendMessage.Diagnostic(decoding: frame.body)
      #expect(error.sqlState == "58030")
      #expect(error.endsSession)
      _ = try await peer.receiveClose(within: GatewayRig.patience)
    }
    let health = await rig.gateway.health()
    #expect(health.state == .failing)
    #expect(health.problems.first?.contains("log") == true)
    let refused = try await rig.psql("SELECT 1;")
    #expect(refused.exit == .code(2))
    #expect(refused.errors.contains("cannot be recorded"))
    #expect(try await database.cluster.sql("SELECT id FROM \(table)", database: "shop") == "1")

    files.errorNumber = nil
    try await eventually("health is green again", within: GatewayRig.patience) {
      await rig.gateway.health().state == .ok
    }
    #expect(try await rig.psql("SELECT 2;").output == "2\n")
    let records = try await rig.records("closed") { records in
      records.begin(of: "SELECT 2;") != nil && !records.closes.isEmpty
    }
    #expect(records.begin(of: "INSERT INTO \(table) VALUES (2)") == nil)
    #expect(records.begin(of: "INSERT INTO \(table) VALUES (1)") != nil)
    let seqs = records.map(\.header.seq)
    #expect(seqs == Array(0..<UInt64(seqs.count)))
    await rig.end()
  }

  @Test func aFullLogTakesNoNewStatementsAndRecoversWhenShipped() async throws {
    var options = GatewayRig.Options()
    options.threads = 1
    options.log = {
      RecordLogConfiguration(
        folder: $0, segmentBytes: 64 << 10, maximumBytes: 1 << 20, reserveBytes: 128 << 10,
        retainedBytes: 0)
    }
    let (rig, _) = try await GatewayRig.serving(options)
    let filler = String(repeating: "x", count: 20_000)
    var outcome = try await rig.psql("SELECT 0;")
    var rounds = 0
    while outcome.succeeded, rounds < 20 {
      let script = (0..<10).map { "SELECT \($0 + rounds * 10) /* \(filler) */;\n" }.joined()
      outcome = try await rig.psql(script)
      rounds += 1
    }
    #expect(outcome.exit == .code(2) || outcome.exit == .code(3), "\(rounds) rounds")
    #expect(outcome.errors.contains("58030") || outcome.errors.contains("cannot be recorded"))
    #expect(await rig.gateway.health().state == .failing)
    // The control plane has stored everything.
    for id in rig.log.logs() {
      let reader = try rig.log.reader(for: id)
      try await eventually("synced", within: GatewayRig.patience) {
        reader.backlog > 0 && reader.endSeq > 0
      }
      try reader.acknowledge(before: reader.endSeq)
    }
    try await eventually("health is green again", within: GatewayRig.patience) {
      await rig.gateway.health().state == .ok
    }
    #expect(try await rig.psql("SELECT 3;").output == "3\n")
    await rig.end()
  }

  /// 4 MiB, of which a session's statements have left less than 5 %.
  private func nearlyFull() async throws -> (GatewayRig, ScriptedClient) {
    var options = GatewayRig.Options()
    options.threads = 1
    options.log = {
      RecordLogConfiguration(
        folder: $0, segmentBytes: 64 << 10, maximumBytes: 4 << 20, reserveBytes: 128 << 10)
    }
    let (rig, _) = try await GatewayRig.serving(options)
    let client = try await session(rig)
    let filler = String(repeating: "x", count: 20_000)
    var number = 0
    while rig.log.diskLevel < .noNewSessions, number < 250 {
      number += 1
      #expect(try await client.query("SELECT \(number) /* \(filler) */").errors.isEmpty)
      // The level is measured anew at most once a second.
      _ = rig.log.health
    }
    #expect(rig.log.diskLevel == .noNewSessions)
    return (rig, client)
  }

  @Test func aNearlyFullLogTakesNoNewSessionsButLetsOpenOnesGoOn() async throws {
    let (rig, client) = try await nearlyFull()
    let refused = try await rig.psql("SELECT 1;")
    #expect(refused.exit == .code(2))
    #expect(refused.errors.contains("cannot be recorded"))
    #expect(await rig.gateway.health().problems.first?.contains("nearly used up") == true)
    #expect(try await client.query("SELECT 'still here'").rows == [["still here"]])
    await rig.end()
  }

  /// The last room is for the sessions that are there: strangers take none of it.
  @Test func aNearlyFullLogCountsStrangersAndSaysSoAtItsClose() async throws {
    let (rig, client) = try await nearlyFull()
    let used = rig.log.health.usedBytes
    let key = CancelKey(processID: 1, secret: [0, 0, 0, 0])
    for _ in 0..<3 {
      let stranger = try await ScriptedClient(.loopback(port: rig.port))
      try await stranger.peer.send(
        StartupMessage(parameters: [.init(name: "user", value: "app")]).encode)
      _ = try await stranger.peer.receiveClose(within: GatewayRig.patience)
      let canceller = try await ScriptedClient(.loopback(port: rig.port))
      try await canceller.peer.send { StartupPacket.writeCancelRequest(key, into: &$0) }
      _ = try await canceller.peer.receiveClose(within: GatewayRig.patience)
    }
    // That nothing comes cannot be awaited: counts are said after one second where there is room.
    try await Task.sleep(for: .milliseconds(1_500))
    #expect(rig.log.health.usedBytes == used)
    #expect(try await client.query("SELECT 'still here'").rows == [["still here"]])
    await rig.end()
    let records = try rig.records()
    #expect(records.refusals.map(\.leftOut) == [3])
    #expect(records.cancels.map(\.leftOut) == [3])
    #expect(records.closes.count == 1)
  }

  @Test func whatIsCountedIsLoggedWhereTheLogTakesNothingAtItsClose() async throws {
    let files = FailingFiles()
    let log = LogLines()
    var options = GatewayRig.Options()
    options.files = files
    options.logger = log.logger
    options.threads = 1
    options.limits.principalRefusalsPerSecond = 0
    let (rig, _) = try await GatewayRig.serving(options)
    let client = try await session(rig)
    files.errorNumber = EIO
    try await client.peer.send(FrontendMessage.Query(sql: "SELECT 1").encode)
    _ = try await client.peer.receiveClose(within: GatewayRig.patience)
    for _ in 0..<3 {
      let stranger = try await ScriptedClient(.loopback(port: rig.port))
      try await stranger.peer.send(
        StartupMessage(parameters: [.init(name: "user", value: "app")]).encode)
      _ = try await stranger.peer.receiveClose(within: GatewayRig.patience)
    }
    await rig.end()
    let said = log.all.filter { $0.message.contains("left out of the records") }
    #expect(said.count == 1)
    #expect(said.first?.level == .error)
    #expect(said.first?.metadata["count"] == "3")
    #expect(try rig.records().refusals.isEmpty)
  }
}
