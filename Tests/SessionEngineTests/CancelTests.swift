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

  // MARK: Bound to a statement

  /// PostgreSQL ignores such a cancel only if it comes there before the next statement does.
  @Test func aCancelWhenNothingRunsIsRecordedAndGoesNowhere() async throws {
    let rig = try await GatewayRig()
    let server = try await ScriptedServer()
    let database = try await Database.shared.value
    await rig.apply([
      try database.connection(agent: rig.agent, tls: .disable, port: server.port)
    ])
    let serving = Task {
      try await server.play([.startup(), .welcome()], within: GatewayRig.patience)
    }
    let (client, welcome) = try await rig.client(version: .v3_2)
    let peer = try await serving.value
    try await rig.cancel(try #require(welcome.cancelKey))
    let records = try await rig.records("a cancel") { !$0.cancels.isEmpty }
    #expect(records.cancels.map(\.matched) == [true])
    #expect(records.cancels.first?.statement == nil)
    // The canceller was let go when all was done that is done about it.
    #expect(server.waitingCount == 0)
    try await client.peer.send(FrontendMessage.Query(sql: "SELECT 1").encode)
    #expect(try await peer.receiveFrontend(within: GatewayRig.patience).type == .query)
    #expect(server.waitingCount == 0)
    await rig.end()
  }

  /// A cancel takes its time to the server; what is sent meanwhile must not be met by it.
  ///
  /// The moment of the cancel wanders over the end of the first statement. Which of the two wins is
  /// open; that the second statement runs to its end is not.
  @Test(.timeLimit(.minutes(5)))
  func aCancelNeverHitsTheNextStatement() async throws {
    var options = GatewayRig.Options()
    options.limits.cancelsPerSecond = 1_000_000
    let (rig, _) = try await GatewayRig.serving(options)
    let (client, welcome) = try await rig.client(version: .v3_2)
    let key = try #require(welcome.cancelKey)
    let tries = 250
    var cancelled = 0
    var hit: [(index: Int, sql: String)] = []
    for index in 0..<tries {
      let canceller = try await ScriptedClient(.loopback(port: rig.port))
      let delay = Duration.microseconds(index % 50 * 400)
      async let cancelling: Void = {
        try await Task.sleep(for: delay)
        try await canceller.peer.send { StartupPacket.writeCancelRequest(key, into: &$0) }
        _ = try await canceller.peer.receiveClose(within: GatewayRig.patience)
      }()
      let slow = "SELECT pg_sleep(0.01), 'first \(index)'"
      let first =
        index % 2 == 0 ? try await client.query(slow) : try await client.execute(slow)
      let next = "SELECT pg_sleep(0.02), 'second \(index)'"
      let second = try await client.query(next)
      try await cancelling
      cancelled += first.sqlStates == ["57014"] ? 1 : 0
      if !second.sqlStates.isEmpty { hit.append((index, next)) }
    }
    try await client.terminate()
    let records = try await rig.records("the end") { !$0.closes.isEmpty }
    try #require(records.cancels.count == tries)
    for (index, next) in hit {
      // Only by a cancel that came so late that it was about this one.
      let target = try #require(records.cancels[index].statement, "try \(index)")
      #expect(target == records.begin(of: next)?.statement, "try \(index)")
    }
    // The cancels came before and after the end of the first statement, so there was a race.
    #expect(cancelled > 0 && !hit.isEmpty, "\(cancelled) cancelled, \(hit.count) late")
    await rig.end()
  }

  // MARK: Who may cancel, and how often

  @Test func aKeyIsWorthNothingWithoutItsCodeOrSession() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let (victim, welcome) = try await rig.client(version: .v3_2)
    let (other, otherWelcome) = try await rig.client(version: .v3_2)
    let key = try #require(welcome.cancelKey)
    let otherKey = try #require(otherWelcome.cancelKey)
    try await victim.peer.send(FrontendMessage.Query(sql: "SELECT pg_sleep(0.5), 'victim'").encode)
    _ = try await rig.records("running") {
      $0.begin(of: "SELECT pg_sleep(0.5), 'victim'") != nil
    }
    try #require(key.secret.bytes.count == 32)
    var forged = key.secret.bytes
    forged[31] ^= 1
    var guessed = key.secret.bytes
    guessed[0] ^= 1
    let wrongs = [
      CancelKey(processID: key.processID, secret: forged),
      CancelKey(processID: key.processID, secret: guessed),
      CancelKey(processID: key.processID, secret: key.secret.bytes.prefix(4)),
      CancelKey(processID: otherKey.processID, secret: key.secret.bytes),
      CancelKey(processID: key.processID, secret: otherKey.secret.bytes),
    ]
    for wrong in wrongs { try await rig.cancel(wrong) }
    let reply = try await victim.reply(within: GatewayRig.patience)
    #expect(reply.sqlStates.isEmpty)
    #expect(reply.tags == ["SELECT 1"])
    // The key of a session that is over.
    try await other.terminate()
    try await eventually("the end of the session", within: GatewayRig.patience) {
      rig.gateway.statistics.openSessions == 1
    }
    try await rig.cancel(otherKey)
    let records = try await rig.records("cancels") { $0.cancels.count == wrongs.count + 1 }
    #expect(records.cancels.allSatisfy { !$0.matched && $0.statement == nil })
    await rig.end()
  }

  @Test func cancelsBeyondTheLimitAreCountedAndNotForwarded() async throws {
    var options = GatewayRig.Options()
    options.threads = 1
    options.limits.cancelsPerSecond = 0
    let (rig, _) = try await GatewayRig.serving(options)
    let (client, welcome) = try await rig.client(version: .v3_2)
    let key = try #require(welcome.cancelKey)
    try await client.peer.send(FrontendMessage.Query(sql: "SELECT pg_sleep(0.5)").encode)
    _ = try await rig.records("running") { $0.begin(of: "SELECT pg_sleep(0.5)") != nil }
    for _ in 0..<20 { try await rig.cancel(key) }
    let reply = try await client.reply(within: GatewayRig.patience)
    #expect(reply.tags == ["SELECT 1"])
    let records = try await rig.records("all counted") {
      $0.cancels.reduce(0) { $0 + $1.leftOut } == 20
    }
    #expect(records.cancels.allSatisfy { $0.matched && $0.leftOut > 0 })
    await rig.end()
  }

  /// What still runs when a session is ended is cancelled, also while a cancel of the client is on
  /// its way.
  @Test(arguments: [false, true])
  func theEndOfASessionStopsWhatItRuns(_ clientCancels: Bool) async throws {
    let (rig, database) = try await GatewayRig.serving()
    let (client, welcome) = try await rig.client(version: .v3_2)
    try await client.peer.send(FrontendMessage.Query(sql: "SELECT pg_sleep(63)").encode)
    _ = try await rig.records("running") { $0.begin(of: "SELECT pg_sleep(63)") != nil }
    let key = try #require(welcome.cancelKey)
    async let cancelling: Void = clientCancels ? rig.cancel(key) : ()
    // The connection is gone from the policy.
    await rig.apply([], version: 2)
    try await cancelling
    let reply = try await client.reply(within: GatewayRig.patience)
    #expect(reply.sqlStates.last == "57P01" || reply.sqlStates == ["57014"])
    try await eventually("the end of the statement", within: .seconds(20)) {
      try await database.cluster.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(63)'") == "0"
    }
    await rig.end()
  }
}
