import AuditLog
import GatewayModel
import NIOCore
import PostgresWire
import RecordLog
import SessionEngine
import TestSupport
import Testing

/// A log that has no more room: what has happened is recorded, nothing new begins.
@Suite struct FullLogTests {
  /// 1 MiB in all, and nobody looks after the log but its sessions.
  private var options: GatewayRig.Options {
    var options = GatewayRig.Options()
    options.threads = 1
    options.limits.logWatchInterval = .seconds(86_400)
    options.log = {
      RecordLogConfiguration(folder: $0, maximumBytes: 1 << 20, reserveBytes: 128 << 10)
    }
    return options
  }

  private static let grants = [
    Grant(name: "a", to: .group("analysts"), connection: "orders", role: "app"),
    Grant(name: "b", to: .group("analysts"), connection: "billing", role: "app"),
  ]

  /// A session at a server that lets everybody in; the server's end of it too.
  private func session(
    _ rig: GatewayRig, _ server: ScriptedServer
  ) async throws -> (ScriptedClient, WirePeer) {
    let serving = Task {
      let peer = try await server.accept(within: GatewayRig.patience)
      _ = try await peer.receiveStartup()
      try await peer.welcome()
      return peer
    }
    let client = try await ScriptedClient(
      .loopback(port: rig.port), security: .negotiated(try rig.pki.clientContext()))
    _ = try await client.logIn(user: "app", database: "orders", password: try await rig.token())
    return (client, try await serving.value)
  }

  private static func answer(_ tag: String, _ buffer: inout ByteBuffer) {
    BackendMessage.CommandComplete(tag: tag).encode(into: &buffer)
    BackendMessage.ReadyForQuery(status: .idle).encode(into: &buffer)
  }

  /// Four statements that leave less than 60 kB of the log's room.
  private func fill(_ client: ScriptedClient, _ peer: WirePeer) async throws {
    for number in 0..<4 {
      let filler = String(repeating: "x", count: 250_000)
      try await client.peer.send(
        FrontendMessage.Query(sql: "SELECT \(number) /* \(filler) */").encode)
      _ = try await peer.receiveFrontend(within: GatewayRig.patience)
      try await peer.send { Self.answer("SELECT 1", &$0) }
      #expect(try await client.reply(within: GatewayRig.patience).errors.isEmpty)
    }
  }

  /// From 85 % on everybody waits a little, so that shipping can catch up.
  @Test func aLogThatIsNearlyFullSlowsDown() async throws {
    let rig = try await GatewayRig(options)
    let server = try await ScriptedServer()
    let database = try await Database.shared.value
    await rig.apply([
      try database.connection(agent: rig.agent, tls: .disable, port: server.port)
    ])
    let (client, peer) = try await session(rig, server)
    func time(of count: Int) async throws -> Duration {
      let start = ContinuousClock.now
      for _ in 0..<count {
        try await client.peer.send(FrontendMessage.Query(sql: "SELECT 1").encode)
        _ = try await peer.receiveFrontend(within: GatewayRig.patience)
        try await peer.send { Self.answer("SELECT 1", &$0) }
        _ = try await client.reply(within: GatewayRig.patience)
      }
      return ContinuousClock.now - start
    }
    try await fill(client, peer)
    try await eventually("the room is measured") { rig.log.health.diskLevel >= .slow }
    // Each statement has two ticks of 10 ms: on the way there and on the way back.
    #expect(try await time(of: 50) > .seconds(1))
    await rig.end()
  }

  /// One read from the server ends a statement and lets the client's next one begin. The log had
  /// room for the begin of the first only.
  @Test func anEndIsRecordedAndDeliveredWhereTheNextBeginHasNoRoom() async throws {
    let rig = try await GatewayRig(options)
    let server = try await ScriptedServer()
    let database = try await Database.shared.value
    await rig.apply([
      try database.connection(agent: rig.agent, tls: .disable, port: server.port)
    ])
    let (client, peer) = try await session(rig, server)
    try await fill(client, peer)
    let sql = "SELECT 'last' /* \(String(repeating: "y", count: 60_000)) */"
    try await client.peer.send { buffer in
      let name = WireName("s")
      FrontendMessage.Parse(name: name, sql: ByteBuffer(string: sql)).encode(into: &buffer)
      for _ in 0..<2 {
        FrontendMessage.Bind(statement: name).encode(into: &buffer)
        FrontendMessage.Execute().encode(into: &buffer)
        FrontendMessage.writeSync(into: &buffer)
      }
    }
    for _ in 0..<4 { _ = try await peer.receiveFrontend(within: GatewayRig.patience) }
    try await peer.send { buffer in
      for type in "12" { buffer.writeBytes([type.asciiValue ?? 0, 0, 0, 0, 4]) }
      Self.answer("SELECT 1", &buffer)
    }
    var types: [BackendMessageType] = []
    var code = ""
    while code.isEmpty {
      let frame = try await client.peer.receive(
        BackendMessageType.self, within: GatewayRig.patience)
      types.append(frame.type)
      if frame.type == .errorResponse {
        code = try BackendMessage.Diagnostic(decoding: frame.body).sqlState
      }
    }
    #expect(
      types == [.parseComplete, .bindComplete, .commandComplete, .readyForQuery, .errorResponse])
    #expect(code == "58030")
    #expect(
      try await client.peer.receiveClose(within: GatewayRig.patience).readableBytes == 0)
    // The second Execute never got there, nor anything behind it.
    #expect(try await peer.receiveClose(within: GatewayRig.patience).readableBytes == 0)
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.begins.map(\.statement.rawValue) == [1, 2, 3, 4, 5])
    #expect(records.ends.map(\.statement.rawValue) == [1, 2, 3, 4, 5])
    #expect(records.ends.allSatisfy { $0.outcome == .completed })
    #expect(records.closes.map(\.reason) == ["record_log_unavailable"])
    #expect(records.closes.first?.statements == 5)
    await rig.end()
  }

  /// The reserve is for the ends of sessions: strangers cannot use it up.
  @Test func aFullLogCountsStrangersAndSaysSoAtItsClose() async throws {
    let rig = try await GatewayRig(options)
    let server = try await ScriptedServer()
    let database = try await Database.shared.value
    await rig.apply([
      try database.connection(agent: rig.agent, tls: .disable, port: server.port)
    ])
    let (client, peer) = try await session(rig, server)
    try await fill(client, peer)
    let filler = String(repeating: "y", count: 60_000)
    try await client.peer.send(FrontendMessage.Query(sql: "SELECT 5 /* \(filler) */").encode)
    _ = try await peer.receiveFrontend(within: GatewayRig.patience)
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
    await rig.end()
    let records = try rig.records()
    #expect(records.refusals.map(\.leftOut) == [3])
    #expect(records.cancels.map(\.leftOut) == [3])
    #expect(records.closes.map(\.reason) == ["shutdown"])
  }

  @Test func aSessionThatCannotBeOpenedInTheLogIsNotClosedInIt() async throws {
    let rig = try await GatewayRig(options)
    let (first, second) = (try await ScriptedServer(), try await ScriptedServer())
    let database = try await Database.shared.value
    await rig.apply(
      [
        try database.connection(agent: rig.agent, tls: .disable, port: first.port),
        try database.connection(
          agent: rig.agent, name: "billing", tls: .require, port: second.port),
      ], grants: Self.grants)
    let (client, peer) = try await session(rig, first)
    let token = try await rig.token(connections: ["billing"])
    let entering = Task { try await rig.psql("SELECT 1;", token: token, database: "billing") }
    let late = try await second.accept(within: GatewayRig.patience)
    _ = try await late.receiveStartupPacket(within: GatewayRig.patience)
    // While the other server makes it wait, the log fills up.
    try await fill(client, peer)
    let filler = String(repeating: "y", count: 60_000)
    try await client.peer.send(FrontendMessage.Query(sql: "SELECT 5 /* \(filler) */").encode)
    _ = try await peer.receiveFrontend(within: GatewayRig.patience)
    try await late.send(ByteBuffer(string: "S"))
    try await late.secure(asServerWith: try rig.pki.serverContext(try rig.pki.issue()))
    #expect(try await late.receiveClose(within: GatewayRig.patience).readableBytes == 0)
    let outcome = try await entering.value
    #expect(outcome.exit == .code(2))
    #expect(outcome.errors.contains("cannot be recorded"), "\(outcome.errors)")
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    #expect(records.refusals.map(\.reason) == ["record_log_unavailable"])
    #expect(records.refusals.first?.connection == "billing")
    #expect(records.opens.map(\.connection) == ["orders"])
    #expect(records.closes.isEmpty)
    await rig.end()
  }
}
