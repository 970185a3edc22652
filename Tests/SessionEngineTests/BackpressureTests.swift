import AuditLog
import Foundation
import GatewayModel
import NIOCore
import PostgresWire
import Synchronization
import TestSupport
import Testing

/// A peer that does not read holds up its own session only, in bounded memory.
@Suite(.serialized) struct BackpressureTests {
  /// The process's memory in bytes, as /proc/self/statm has it.
  private func residentBytes() throws -> Int {
    let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * 4_096
  }

  @Test(arguments: [true, false])
  func aClientThatStopsReadingALargeResultHoldsLittle(_ withTLS: Bool) async throws {
    var options = GatewayRig.Options()
    options.allowsPlaintextOnLoopback = true
    let (rig, database) = try await GatewayRig.serving(options)
    let client = try await ScriptedClient(
      .loopback(port: rig.port),
      security: withTLS ? .negotiated(try rig.pki.clientContext()) : .plaintext)
    _ = try await client.logIn(user: "app", database: "orders", password: try await rig.token())
    try await client.peer.setReading(false)
    let before = try residentBytes()
    try await client.peer.send(
      FrontendMessage.Query(
        sql: "SELECT repeat('x', 100000) FROM generate_series(1, 10000)"
      ).encode)
    _ = try await rig.records("running") { !$0.begins.isEmpty }
    let waits =
      "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'ClientWrite'"
      + " AND query LIKE 'SELECT repeat(''x'', 100000)%'"
    try await eventually("the server waits to write", within: GatewayRig.patience) {
      try await database.cluster.sql(waits) == "t"
    }
    // Another session is not held up.
    #expect(try await rig.psql("SELECT 1;").output == "1\n")
    #expect(try await database.cluster.sql(waits) == "t")
    let growth = try residentBytes() - before
    #expect(growth < 48 << 20, "\(growth) bytes")
    #expect(try rig.records().ends.count <= 1)
    await client.peer.close()
    let records = try await rig.records("both closed", within: .seconds(20)) {
      $0.closes.count == 2
    }
    #expect(records.closes.contains { $0.reason == "client_closed" })
    await rig.end()
  }

  @Test func aLargeResultArrivesWhole() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let outcome = try await rig.psql(
      "SELECT repeat('y', 10000) FROM generate_series(1, 5000);", within: .seconds(120))
    #expect(outcome.output.utf8.count == 5_000 * 10_001)
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.ends.first?.rows == 5_000)
    await rig.end()
  }

  @Test func aServerThatStopsReadingHoldsLittle() async throws {
    let rig = try await GatewayRig()
    let server = try await ScriptedServer()
    let database = try await Database.shared.value
    await rig.apply([
      try database.connection(agent: rig.agent, tls: .disable, port: server.port)
    ])
    let serving = Task {
      let peer = try await server.accept(within: GatewayRig.patience)
      _ = try await peer.receiveStartup(tls: nil)
      try await peer.welcome()
      _ = try await peer.receiveFrontend()
      try await peer.send { buffer in
        buffer.writeBytes([UInt8(ascii: "G"), 0, 0, 0, 7, 0, 0, 0])
      }
      try await peer.setReading(false)
      return peer
    }
    let client = try await ScriptedClient(
      .loopback(port: rig.port), security: .negotiated(try rig.pki.clientContext()))
    _ = try await client.logIn(user: "app", database: "orders", password: try await rig.token())
    try await client.peer.send(FrontendMessage.Query(sql: "COPY t FROM STDIN").encode)
    let peer = try await serving.value
    _ = try await client.peer.receive(BackendMessageType.self, within: GatewayRig.patience)
    var chunk = ByteBuffer()
    chunk.writeInteger(UInt8(ascii: "d"))
    chunk.writeInteger(UInt32(60_004))
    chunk.writeRepeatingByte(0x61, count: 60_000)
    // 300 MB are offered; the client's writes stop being taken long before.
    let before = try residentBytes()
    let message = chunk
    let offered = 5_000
    let sent = Atomic<Int>(0)
    let sending = Task {
      for _ in 0..<offered {
        try await client.peer.send(message)
        sent.add(1, ordering: .relaxed)
      }
    }
    var (last, quiet) = (0, 0)
    try await eventually("no more is taken", within: GatewayRig.patience) {
      let now = sent.load(ordering: .relaxed)
      quiet = now > 0 && now == last ? quiet + 1 : 0
      last = now
      return quiet == 25
    }
    #expect(last < offered)
    let growth = try residentBytes() - before
    #expect(growth < 48 << 20, "\(growth) bytes")
    sending.cancel()
    await peer.close()
    await client.peer.close()
    _ = await sending.result
    await rig.end()
  }
}
