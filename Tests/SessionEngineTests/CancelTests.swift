import AuditLog
import GatewayModel
import NIOCore
import PostgresWire
import TestSupport
import Testing

/// A cancel reaches the statement of the session whose key it shows, and no other.
@Suite struct CancelTests {
  @Test func aCancelStopsTheRunningStatement() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let context = try rig.pki.clientContext()
    let client = try await ScriptedClient(.loopback(port: rig.port), security: .negotiated(context))
    let welcome = try await client.logIn(
      user: "app", database: "orders", password: try await rig.token())
    let key = try #require(welcome.cancelKey)
    try await client.peer.send(FrontendMessage.Query(sql: "SELECT pg_sleep(60)").encode)
    _ = try await rig.records("running") { $0.begin(of: "SELECT pg_sleep(60)") != nil }
    // As libpq does: a connection of its own, here without TLS.
    let canceller = try await ScriptedClient(.loopback(port: rig.port))
    try await canceller.peer.send { StartupPacket.writeCancelRequest(key, into: &$0) }
    #expect(try await canceller.peer.receiveClose(within: GatewayRig.patience).readableBytes == 0)
    let reply = try await client.reply(within: GatewayRig.patience)
    #expect(reply.sqlStates == ["57014"])
    // And once more, behind TLS.
    try await client.peer.send(FrontendMessage.Query(sql: "SELECT pg_sleep(61)").encode)
    _ = try await rig.records("running") { $0.begin(of: "SELECT pg_sleep(61)") != nil }
    let second = try await ScriptedClient(.loopback(port: rig.port), security: .negotiated(context))
    try await second.peer.send { StartupPacket.writeCancelRequest(key, into: &$0) }
    #expect(try await second.peer.receiveClose(within: GatewayRig.patience).readableBytes == 0)
    #expect(try await client.reply(within: GatewayRig.patience).sqlStates == ["57014"])
    #expect(try await client.query("SELECT 1").rows.count == 1)
    let records = try await rig.records("two cancels") { $0.cancels.count == 2 }
    #expect(records.cancels.allSatisfy { $0.matched && $0.statement != nil })
    await rig.end()
  }

  @Test func anUnknownKeyIsRecordedAndAnsweredWithNothing() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let context = try rig.pki.clientContext()
    let client = try await ScriptedClient(.loopback(port: rig.port), security: .negotiated(context))
    let welcome = try await client.logIn(
      user: "app", database: "orders", password: try await rig.token())
    let key = try #require(welcome.cancelKey)
    let wrongs = [
      CancelKey(processID: key.processID, secret: key.secret.bytes.map { $0 ^ 1 }),
      CancelKey(processID: key.processID, secret: key.secret.bytes + [0]),
      CancelKey(processID: key.processID &+ 1, secret: key.secret.bytes),
    ]
    for wrong in wrongs {
      let canceller = try await ScriptedClient(.loopback(port: rig.port))
      try await canceller.peer.send { StartupPacket.writeCancelRequest(wrong, into: &$0) }
      #expect(try await canceller.peer.receiveClose(within: GatewayRig.patience).readableBytes == 0)
    }
    let records = try await rig.records("cancels") { $0.cancels.count == wrongs.count }
    #expect(records.cancels.allSatisfy { !$0.matched })
    await rig.end()
  }

  @Test func manyUnknownKeysAreCountedAndDoNotFillTheLog() async throws {
    var options = GatewayRig.Options()
    options.threads = 1
    options.limits.unmatchedCancelsPerSecond = 0
    let (rig, _) = try await GatewayRig.serving(options)
    let key = CancelKey(processID: 1, secret: [0, 0, 0, 0])
    for _ in 0..<30 {
      let canceller = try await ScriptedClient(.loopback(port: rig.port))
      try await canceller.peer.send { StartupPacket.writeCancelRequest(key, into: &$0) }
      _ = try await canceller.peer.receiveClose(within: GatewayRig.patience)
    }
    let records = try await rig.records("all counted") {
      $0.cancels.reduce(0) { $0 + $1.leftOut } == 30
    }
    #expect(records.cancels.allSatisfy { !$0.matched && $0.leftOut > 0 })
    #expect(records.cancels.count < 30)
    await rig.end()
  }
}
