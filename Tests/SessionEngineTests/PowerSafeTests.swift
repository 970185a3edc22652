import AuditLog
import Foundation
import GatewayModel
import NIOCore
import PostgresWire
import RecordLog
import SessionEngine
import Synchronization
import TestSupport
import Testing

/// In a power-safe session nothing takes effect, and nothing is shown, before its begin is on the
/// medium.
@Suite struct PowerSafeTests {
  /// Holds the log's syncs up, counts them, and lets them fail.
  private final class Medium: Sendable {
    private struct State {
      var isOpen = true
      var waiting = 0
      var syncs = 0
      var errorNumber: Int32?
    }
    private let state = Mutex(State())
    var syncs: Int { state.withLock { $0.syncs } }
    var isWaitedFor: Bool { state.withLock { $0.waiting > 0 } }
    func hold() { state.withLock { $0.isOpen = false } }
    func release() { state.withLock { $0.isOpen = true } }
    func fail(_ errorNumber: Int32?) { state.withLock { $0.errorNumber = errorNumber } }

    func sync() -> Int32? {
      state.withLock {
        $0.syncs += 1
        $0.waiting += 1
      }
      while !state.withLock({ $0.isOpen }) { usleep(1_000) }
      return state.withLock {
        $0.waiting -= 1
        return $0.errorNumber
      }
    }
  }

  private struct Scene {
    var rig: GatewayRig
    var cluster: PostgresCluster
    var medium: Medium
    var table: String

    func count() async throws -> String {
      try await cluster.sql("SELECT count(*) FROM \(table)", database: "shop")
    }

    /// What the server says of the backend that last ran a statement on the table.
    func state(_ word: String) async throws -> String {
      try await cluster.sql(
        "SELECT state FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
          + " AND query LIKE '%\(word)%\(table)%'")
    }

    /// That nothing happens cannot be awaited: what is not held happens at once.
    func settle() async throws { try await Task.sleep(for: .milliseconds(300)) }
  }

  private func scene(
    _ table: String, threads: Int = 1, durability: Durability = .powerSafe
  ) async throws -> Scene {
    let (medium, files) = (Medium(), FailingFiles())
    var options = GatewayRig.Options()
    options.files = files
    options.threads = threads
    options.log = { RecordLogConfiguration(folder: $0, syncInterval: .seconds(3_600)) }
    let database = try await Database.shared.value
    let rig = try await GatewayRig(options)
    var connection = try database.connection(agent: rig.agent)
    connection.durability = durability
    await rig.apply([connection])
    try await database.cluster.sql(
      "CREATE TABLE \(table) (id int); ALTER TABLE \(table) OWNER TO app", database: "shop")
    files.atSync.withLock { $0 = { medium.sync() } }
    return Scene(rig: rig, cluster: database.cluster, medium: medium, table: table)
  }

  @Test func anAutocommitStatementReachesTheServerBehindItsSync() async throws {
    let scene = try await scene("power_autocommit")
    let (client, _) = try await scene.rig.client()
    scene.medium.hold()
    try await client.peer.send(
      FrontendMessage.Query(sql: "INSERT INTO \(scene.table) VALUES (1)").encode)
    try await eventually("the log is being synced") { scene.medium.isWaitedFor }
    try await scene.settle()
    #expect(try await scene.count() == "0")
    #expect(try scene.rig.records().begins.isEmpty, "readers see what is on the medium")
    scene.medium.release()
    #expect(try await client.reply().errors.isEmpty)
    #expect(try await scene.count() == "1")
    let records = try scene.rig.records()
    #expect(records.begin(of: "INSERT INTO power_autocommit VALUES (1)")?.durability == .powerSafe)
    await scene.rig.end()
  }

  @Test func aCrashSafeStatementWaitsForNothing() async throws {
    let scene = try await scene("power_crash", durability: .crashSafe)
    let (client, _) = try await scene.rig.client()
    scene.medium.hold()
    let reply = try await client.query("INSERT INTO \(scene.table) VALUES (1)")
    #expect(reply.errors.isEmpty)
    #expect(try await scene.count() == "1")
    scene.medium.release()
    await scene.rig.end()
  }

  /// In a transaction the server works on while the medium does, but no row is shown; COMMIT waits.
  @Test func inATransactionRowsAndCommitWait() async throws {
    let scene = try await scene("power_transaction")
    let (client, _) = try await scene.rig.client()
    scene.medium.hold()
    #expect(try await client.query("BEGIN").errors.isEmpty)
    #expect(!scene.medium.isWaitedFor)
    let insert = "INSERT INTO \(scene.table) VALUES (1) RETURNING id"
    try await client.peer.send(FrontendMessage.Query(sql: insert).encode)
    try await eventually("the server has executed it") {
      try await scene.state("INSERT") == "idle in transaction"
    }
    try await scene.settle()
    #expect(try await client.peer.pendingByteCount == 0)
    scene.medium.release()
    #expect(try await client.reply().rows == [["1"]])
    scene.medium.hold()
    try await client.peer.send(FrontendMessage.Query(sql: "COMMIT").encode)
    try await eventually("the log is being synced") { scene.medium.isWaitedFor }
    try await scene.settle()
    #expect(try await scene.count() == "0")
    scene.medium.release()
    #expect(try await client.reply().errors.isEmpty)
    #expect(try await scene.count() == "1")
    await scene.rig.end()
  }

  /// A failed sync lets nothing out, ends the sessions, and is over when the medium is well again.
  @Test func aFailedSyncLetsNothingOut() async throws {
    let scene = try await scene("power_failed")
    let (idle, _) = try await scene.rig.client()
    let (writing, _) = try await scene.rig.client()
    let (reading, _) = try await scene.rig.client()
    #expect(try await reading.query("BEGIN").errors.isEmpty)
    scene.medium.hold()
    try await writing.peer.send(
      FrontendMessage.Query(sql: "INSERT INTO \(scene.table) VALUES (1)").encode)
    try await reading.peer.send(
      FrontendMessage.Query(sql: "SELECT 'secret' FROM \(scene.table)").encode)
    try await eventually("the log is being synced") { scene.medium.isWaitedFor }
    try await eventually("the server has answered the reader") {
      try await scene.state("secret") == "idle in transaction"
    }
    scene.medium.fail(EIO)
    scene.medium.release()
    for client in [idle, writing, reading] {
      let frame = try await client.peer.receive(
        BackendMessageType.self, within: GatewayRig.patience)
      #expect(frame.type == .errorResponse)
      #expect(try BackendMessage.Diagnostic(decoding: frame.body).sqlState == "58030")
      _ = try await client.peer.receiveClose(within: GatewayRig.patience)
    }
    #expect(await scene.rig.gateway.health().state == .failing)
    #expect(try await scene.count() == "0")
    scene.medium.fail(nil)
    try await eventually("health is green again", within: GatewayRig.patience) {
      await scene.rig.gateway.health().state == .ok
    }
    let (again, _) = try await scene.rig.client()
    #expect(try await again.query("INSERT INTO \(scene.table) VALUES (2)").errors.isEmpty)
    #expect(try await scene.count() == "1")
    await scene.rig.end()
  }

  /// Fifty sessions that write at the same time share their syncs.
  @Test func syncsAreGroupCommits() async throws {
    let scene = try await scene("power_group")
    var clients: [ScriptedClient] = []
    for _ in 0..<50 { clients.append(try await scene.rig.client().0) }
    let committed = scene.rig.log.health.backlogRecords
    let before = scene.medium.syncs
    scene.medium.hold()
    let insert = "INSERT INTO \(scene.table) VALUES (1)"
    for client in clients { try await client.peer.send(FrontendMessage.Query(sql: insert).encode) }
    try await eventually("all have begun") {
      scene.rig.log.health.backlogRecords >= committed + 51
    }
    #expect(try await scene.count() == "0")
    scene.medium.release()
    for client in clients { #expect(try await client.reply().errors.isEmpty) }
    #expect(try await scene.count() == "50")
    #expect(scene.medium.syncs - before <= 4)
    await scene.rig.end()
  }

  /// What was begun when its client went away is executed, since its begin is in the log.
  @Test func aClientThatGoesAwayMeanwhile() async throws {
    let scene = try await scene("power_gone")
    let (client, _) = try await scene.rig.client()
    scene.medium.hold()
    let insert = "INSERT INTO \(scene.table) VALUES (1)"
    try await client.peer.send(FrontendMessage.Query(sql: insert).encode)
    try await eventually("the log is being synced") { scene.medium.isWaitedFor }
    await client.peer.close()
    scene.medium.release()
    try await eventually("executed") { try await scene.count() == "1" }
    let (other, _) = try await scene.rig.client()
    #expect(try await other.query("SELECT 1").errors.isEmpty)
    try await eventually("its end is in the log") {
      // The next statement's sync shows what came before.
      _ = try await other.query("SELECT 1")
      return try scene.rig.records().ends.contains { $0.commandTag == "INSERT 0 1" }
    }
    await scene.rig.end()
  }

  /// A cancel reaches the server behind the statement that it is for.
  @Test func aCancelWaitsForItsStatement() async throws {
    let scene = try await scene("power_cancel")
    let (client, welcome) = try await scene.rig.client()
    scene.medium.hold()
    try await client.peer.send(
      FrontendMessage.Query(
        sql: "SELECT pg_sleep(600) FROM \(scene.table) RIGHT JOIN (SELECT) x ON true"
      )
      .encode)
    try await eventually("the log is being synced") { scene.medium.isWaitedFor }
    let key = try #require(welcome.cancelKey)
    async let cancelled: Void = scene.rig.cancel(key)
    try await scene.settle()
    scene.medium.release()
    let reply = try await client.reply(within: GatewayRig.patience)
    #expect(reply.errors.map(\.sqlState) == ["57014"])
    try await cancelled
    await scene.rig.end()
  }

  /// Far more than may be held: the server is read no further, and everything arrives in the end.
  @Test func muchIsHeldInBoundsAndArrivesWhole() async throws {
    let scene = try await scene("power_much")
    let (client, _) = try await scene.rig.client()
    #expect(try await client.query("BEGIN").errors.isEmpty)
    scene.medium.hold()
    let rows = 20_000
    try await client.peer.send(
      FrontendMessage.Query(
        sql: "SELECT repeat('power_much', 50) FROM generate_series(1, \(rows))"
      ).encode)
    try await eventually("the log is being synced") { scene.medium.isWaitedFor }
    try await eventually("the server waits for a reader") {
      try await scene.cluster.sql(
        "SELECT wait_event FROM pg_stat_activity WHERE query LIKE 'SELECT repeat(''power_much%'")
        == "ClientWrite"
    }
    scene.medium.release()
    #expect(try await client.reply(within: GatewayRig.patience).rows.count == rows)
    await scene.rig.end()
  }

  /// A pipeline of transactions and single statements, far more than one read, in order.
  @Test func aPipelineArrivesInOrder() async throws {
    let scene = try await scene("power_pipeline", threads: 2)
    let (client, _) = try await scene.rig.client()
    var bytes = ByteBuffer()
    let count = 400
    for number in 0..<count {
      let insert = "INSERT INTO \(scene.table) VALUES (\(number)) RETURNING id"
      if number % 3 == 0 { FrontendMessage.Query(sql: "BEGIN").encode(into: &bytes) }
      FrontendMessage.Query(sql: insert).encode(into: &bytes)
      if number % 3 == 2 { FrontendMessage.Query(sql: "COMMIT").encode(into: &bytes) }
    }
    FrontendMessage.Query(sql: "COMMIT").encode(into: &bytes)
    let whole = bytes
    async let sending: Void = client.peer.send(whole, inPiecesOf: 700)
    var rows: [String?] = []
    while rows.count < count { rows += try await client.reply().rows.compactMap(\.first) }
    try await sending
    #expect(rows == (0..<count).map { "\($0)" })
    await scene.rig.end()
  }
}
