import NIOCore
import NIOPosix
import PostgresWire
import TestSupport
import Testing

/// The peers that other tests are driven with do what they are told.
@Suite("Scripted peers") struct ScriptedPeerTests {
  @Test("A session over TLS, sent byte by byte")
  func session() async throws {
    let pki = try TestPKI()
    let server = try await ScriptedServer()
    let serverTLS = try pki.serverContext(try pki.issue())
    async let accepted = server.accept()
    async let opened = ScriptedClient(
      .loopback(port: server.port), security: .negotiated(try pki.clientContext()),
      serverName: "localhost")
    let peer = try await accepted
    guard case .sslRequest = try await peer.receiveStartupPacket() else {
      Issue.record("no SSLRequest")
      return
    }
    try await peer.send(ByteBuffer(string: "S"))
    try await peer.secure(asServerWith: serverTLS)
    let client = try await opened

    async let welcome = client.logIn(user: "alice", database: "orders")
    let startup = try await peer.receiveStartup()
    #expect(startup["user"] == "alice")
    try await peer.welcome()
    let settings = try await welcome.settings
    #expect(settings["client_encoding"] == "UTF8")

    async let reply = client.query("select 1")
    let query = try await peer.receiveFrontend()
    #expect(query.type == .query)
    var answer = ByteBuffer()
    BackendMessage.DataRow(values: [ByteBuffer(string: "1"), nil]).encode(into: &answer)
    BackendMessage.CommandComplete(tag: "SELECT 1").encode(into: &answer)
    BackendMessage.ReadyForQuery(status: .inTransaction).encode(into: &answer)
    try await peer.send(answer, inPiecesOf: 1)
    let seen = try await reply
    #expect(seen.rows == [["1", nil]])
    #expect(seen.status == .inTransaction)

    try await client.terminate()
    #expect(try await peer.receiveFrontend().type == .terminate)
    #expect(try await peer.receiveClose().readableBytes == 0)
  }

  @Test("A client does not trust another authority's certificate")
  func untrusted() async throws {
    let pki = try TestPKI()
    let server = try await ScriptedServer()
    let serverTLS = try pki.serverContext(try pki.issue())
    let stranger = try TestPKI().clientContext()
    let opened = Task {
      try await ScriptedClient(
        .loopback(port: server.port), security: .direct(stranger), serverName: "localhost")
    }
    let peer = try await server.accept()
    await #expect(throws: TestFailure.self) { try await peer.secure(asServerWith: serverTLS) }
    await #expect(throws: TestFailure.self) { try await opened.value }
  }

  @Test("Waiting ends with the deadline, and with the peer's close")
  func waiting() async throws {
    let server = try await ScriptedServer()
    let client = try await ScriptedClient(.loopback(port: server.port))
    let peer = try await server.accept()
    await #expect(throws: TestFailure.self) {
      try await peer.receive(count: 1, within: .milliseconds(50))
    }
    try await client.peer.send(ByteBuffer(string: "abc"))
    try await client.peer.abort()
    #expect(try await peer.receiveClose() == ByteBuffer(string: "abc"))
    await #expect(throws: TestFailure.self) { try await peer.receive(count: 4) }
  }

  @Test("A peer that does not read makes the other's writes wait")
  func backpressure() async throws {
    let server = try await ScriptedServer()
    let client = try await ScriptedClient(.loopback(port: server.port))
    let peer = try await server.accept()
    try await peer.setReading(false)
    let total = 32 << 20
    let sending = Task { try await client.peer.send(ByteBuffer(repeating: 7, count: total)) }
    try await client.peer.channel.eventLoop.submit {}.get()
    #expect(try await peer.pendingByteCount < total)
    try await peer.setReading(true)
    #expect(try await peer.receive(count: total).readableBytes == total)
    try await sending.value
  }

  @Test("A program's output can be awaited, and its early end is told")
  func childProcess() async throws {
    let child = try ChildProcess("sh", ["-c", "echo one; echo two >&2; exec sleep 600"])
    try await child.waitForOutput(containing: "two")
    #expect(child.output == "one\n")
    #expect(try await child.terminate() == .signal(15))
    let short = try ChildProcess("sh", ["-c", "exit 3"])
    await #expect(throws: TestFailure.self) { try await short.waitForOutput(containing: "never") }
    #expect(try await short.wait() == .code(3))
  }

  @Test("The manual clock stands still until moved")
  func manualClock() {
    let clock = ManualClock()
    let (start, wall) = (clock.now, clock.wallNow)
    clock.advance(by: .milliseconds(1500))
    #expect(clock.now.nanoseconds(since: start) == 1_500_000_000)
    clock.stepWallClock(by: .seconds(-1))
    #expect(clock.wallNow.unixNanoseconds - wall.unixNanoseconds == 500_000_000)
  }
}
