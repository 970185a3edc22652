import APIModel
import Foundation
import Glibc
import NIOCore
import NIOSSL
import PostgresWire
import TestSupport
import Testing

/// What one session does, or its server, is felt by no other.
@Suite(.serialized) struct IsolationTests {
  private static let fleet = SharedFleet()

  private static let megabyte = 1 << 20

  /// Reads little of a result of a gigabyte and stops: memory of the agent stays as it was.
  @Test func clientsThatStopReadingAGigabyteHoldLittle() async throws {
    let fleet = try await Self.fleet.get()
    let bob = try await fleet.token(
      "bob@example.com", groups: "developers", connections: ["shop-app"])
    // What a first session allocates for ever is not theirs.
    #expect(try await fleet.psql("select 1", token: bob, connection: "shop-app").output == "1\n")
    let before = try fleet.agent.residentBytes()
    var clients: [ScriptedClient] = []
    for _ in 0..<3 {
      let client = try await fleet.session(token: bob, connection: "shop-app", user: "app")
      try await client.peer.setReading(false)
      try await client.peer.send(
        FrontendMessage.Query(
          sql: "select repeat('x', 100000) from generate_series(1, 10000) /* gigabyte */"
        ).encode)
      clients.append(client)
    }
    try await eventually("all servers wait to write") {
      try await fleet.cluster.sql(
        "select count(*) from pg_stat_activity where wait_event = 'ClientWrite'"
          + " and query like '%/* gigabyte */'") == "3"
    }
    let (output, among) = try await fleet.timedLogin(token: bob)
    #expect(output == "1\n")
    #expect(among < .seconds(5))
    let growth = try fleet.agent.residentBytes() - before
    #expect(growth < 16 * Self.megabyte, "\(growth) bytes for 3 sessions")
    for client in clients { await client.peer.close() }
    try await eventually("the three sessions' ends") {
      try await fleet.sessions(of: "bob@example.com", connection: "shop-app").count {
        $0.closeReason == "client_closed"
      } >= 3
    }
  }

  /// A backend that is stopped holds up the session it serves, and no login.
  @Test func aServerThatHangsHurtsOnlyItsSessions() async throws {
    let fleet = try await Self.fleet.get()
    let bob = try await fleet.token(
      "bob@example.com", groups: "developers", connections: ["shop-app"])
    _ = try await fleet.timedLogin(token: bob)
    let (_, alone) = try await fleet.timedLogin(token: bob)
    let hung = try await fleet.session(token: bob, connection: "shop-app", user: "app")
    let backend = try #require(
      try await hung.query("select pg_backend_pid()").rows.first?.first??.description)
    let process = try #require(pid_t(backend))
    try #require(process > 1 && kill(process, SIGSTOP) == 0)
    defer { kill(process, SIGCONT) }
    try await hung.peer.send(FrontendMessage.Query(sql: "select 'hangs'").encode)
    for _ in 0..<3 {
      let (output, among) = try await fleet.timedLogin(token: bob)
      #expect(output == "1\n")
      #expect(among < max(.seconds(3), alone * 5), "\(alone) alone, \(among) beside a hung server")
    }
    #expect(try await hung.peer.pendingByteCount == 0)
    kill(process, SIGCONT)
    #expect(try await hung.reply().rows == [["hangs"]])
    try await hung.terminate()
  }

  /// A server that accepts and never says a word: its logins end by their deadline, one by one,
  /// and nobody else waits for them.
  @Test func aServerThatNeverAnswersHurtsOnlyItsLogins() async throws {
    let fleet = try await Self.fleet.get()
    let server = try await ScriptedServer()
    try await fleet.addConnection(
      "silent", role: "app", password: "x", port: server.port, tls: "require")
    try await fleet.cli([
      "grants", "add", "--principal", "bob@example.com", "--connection", "silent", "--role", "app",
    ])
    try await fleet.waitForBundle()
    let bob = try await fleet.token(
      "bob@example.com", groups: "developers", connections: ["shop-app", "silent"])
    _ = try await fleet.timedLogin(token: bob)
    let (_, alone) = try await fleet.timedLogin(token: bob)
    let context = try TestPKI.clientContext(trusting: fleet.control.authorityFile)
    let began = ContinuousClock.now
    let waiting = (0..<20).map { _ in
      Task {
        let client = try await ScriptedClient(
          .loopback(port: fleet.agent.port), security: .negotiated(context))
        try await client.peer.send(
          Fleet.startup(user: "app", connection: "silent", password: bob))
        while true {
          let frame = try await client.peer.receive(
            BackendMessageType.self, within: .seconds(30))
          guard frame.type == .errorResponse else { continue }
          return try BackendMessage.Diagnostic(decoding: frame.body).sqlState
        }
      }
    }
    let peers = try await (0..<20).asyncMap { _ in try await server.accept() }
    for _ in 0..<3 {
      let (output, among) = try await fleet.timedLogin(token: bob)
      #expect(output == "1\n")
      #expect(
        among < max(.seconds(3), alone * 5), "\(alone) alone, \(among) beside a silent server")
    }
    for task in waiting { #expect(try await task.value == "08006") }
    // Each had the deadline for itself, not one after the other.
    #expect(ContinuousClock.now - began < .seconds(25))
    #expect(peers.count == 20)
    try await eventually("the records of the silent server") {
      try await fleet.statements(["--outcome", "refused", "--connection", "silent"]).count {
        $0.reason == "server_unreachable" && $0.sqlstate == "08006"
      } > 0
    }
  }
}

/// How the agent ends with sessions that are in the middle of things.
@Suite(.serialized) struct DrainTests {
  @Test func openTransactionsEndWithTheDeadline() async throws {
    let fleet = try await Fleet(agentFlags: ["--drain-seconds", "3"])
    let bob = try await fleet.token(
      "bob@example.com", groups: "developers", connections: ["shop-app"])
    let resting = try await fleet.session(token: bob, connection: "shop-app", user: "app")
    #expect(try await resting.query("begin; insert into marks values (-77)").errors.isEmpty)
    let running = try await fleet.session(token: bob, connection: "shop-app", user: "app")
    try await running.peer.send(FrontendMessage.Query(sql: "select pg_sleep(120)").encode)
    let copying = try await fleet.session(token: bob, connection: "shop-app", user: "app")
    try await copying.peer.send(FrontendMessage.Query(sql: "copy marks from stdin").encode)
    let copyIn = try await copying.peer.receive(BackendMessageType.self)
    #expect(copyIn.type == .copyInResponse)
    let leaving = try await fleet.session(token: bob, connection: "shop-app", user: "app")
    try await eventually("all are at work") {
      try await fleet.cluster.sql(
        "select count(*) from pg_stat_activity where usename = 'app' and state <> 'idle'") == "3"
    }

    let began = ContinuousClock.now
    let ending = Task { try await fleet.agent.stop() }
    try await eventually("nobody new is let in") { !FreePort.isOpen(fleet.agent.port) }
    // Who is there goes on until the deadline.
    #expect(try await leaving.query("select 'still'").rows == [["still"]])
    try await leaving.terminate()
    for client in [resting, running, copying] {
      var error: BackendMessage.Diagnostic?
      while error == nil {
        let frame = try await client.peer.receive(BackendMessageType.self, within: .seconds(20))
        if frame.type == .errorResponse { error = try .init(decoding: frame.body) }
      }
      #expect(error?.sqlState == "57P01")
      #expect(error?.severity == .fatal)
    }
    #expect(ContinuousClock.now - began > .seconds(2.5))
    #expect(try await ending.value == .code(0))
    // 3 s to drain, 3 s to end the sessions, and what records take.
    #expect(ContinuousClock.now - began < .seconds(12))

    try await eventually("no session of the agent at the server") {
      try await fleet.cluster.sql(
        "select count(*) from pg_stat_activity where usename = 'app'") == "0"
    }
    #expect(
      try await fleet.cluster.sql("select count(*) from marks where n = -77", database: "shop")
        == "0")
    try await eventually("the ends of all four sessions in the trail") {
      try await fleet.sessions(of: "bob@example.com", connection: "shop-app").compactMap(
        \.closeReason
      ).sorted() == ["client_terminated", "shutdown", "shutdown", "shutdown"]
    }
    let slept = try await fleet.statements(["--words", "pg_sleep"])
    #expect(slept.map(\.outcome) == ["unknown"])
  }
}

extension Sequence {
  /// `map` with a body that waits, one element after the other.
  func asyncMap<Value>(_ body: (Element) async throws -> Value) async throws -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await body(element)) }
    return values
  }
}
