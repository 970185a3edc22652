import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

@Suite struct LoginTests {
  @Test func wholeLoginReachesReady() throws {
    var session = SessionHarness()
    session.client(
      Client.startup([
        ("application_name", "psql"), ("DateStyle", "ISO"), ("client_encoding", "UTF8"),
      ]))
    #expect(types(session.toClient) == "R")
    let asked = session.send(.clientBytes(Client.password("the-token")))
    let login = try #require(asked.verifyLogin)
    #expect(login.connection == "orders")
    #expect(login.requestedRole == "app")
    #expect(login.applicationName == "psql")
    #expect(login.token.text == "the-token")
    #expect(asked.server.isEmpty)
    let granted = session.send(
      .loginVerdict(.granted(SessionHarness.grant(), ServerCredential(password: nil))))
    #expect(granted.server.connect)
    #expect(granted.server.send.isEmpty)
    let connected = session.send(.serverConnected(SessionHarness.connected()))
    guard case .sessionOpen(let opened)? = connected.audit.first else {
      Issue.record("no session.open before the first byte to the server")
      return
    }
    #expect(opened.applicationName == "psql")
    var bytes = connected.server.send.joined
    guard case .startup(let message)? = try StartupPacket.next(in: &bytes) else {
      Issue.record("no StartupMessage")
      return
    }
    #expect(message["user"] == "app_rw")
    #expect(message["database"] == "orders_prod")
    #expect(message["application_name"] == "sallyport:000000000abc:alice@example.com")
    #expect(message["standard_conforming_strings"] == "on")
    #expect(message["client_encoding"] == "UTF8")
    #expect(message["DateStyle"] == "ISO")
    session.forget()
    session.server(
      Server.authenticationOk,
      Server.status("application_name", "sallyport:000000000abc:alice@example.com"),
      Server.key(4711, [1, 2, 3, 4]), Server.ready())
    #expect(types(session.toClient) == "RSKZ")
    let text = String(buffer: session.toClient)
    #expect(text.contains("application_name\0psql\0"))
    #expect(!text.contains("sallyport:"))
    #expect(session.core.isReady)
    #expect(session.core.serverCancelKey?.processID == 4711)
    #expect(session.toClient.readableBytesView.contains(77))
  }

  @Test func databaseDefaultsToUser() {
    var session = SessionHarness()
    let asked = session.send(
      .clientBytes(all([Client.startup(user: "bob", database: nil), Client.password("x")])))
    #expect(asked.verifyLogin?.connection == "bob")
  }

  /// What drivers send without being told to.
  @Test(arguments: [
    [("application_name", "psql"), ("client_encoding", "UTF8")],
    [("client_encoding", "SQL_ASCII")],
    [("client_encoding", "'utf-8'")],
    [
      ("client_encoding", "UTF8"), ("DateStyle", "ISO"), ("TimeZone", "UTC"),
      ("extra_float_digits", "2"),
    ],
    [("replication", "false"), ("options", "")],
    [
      ("statement_timeout", "0"), ("lock_timeout", "0"),
      ("idle_in_transaction_session_timeout", "0"),
    ],
  ])
  func driversDefaultsPass(_ extra: [(String, String)]) {
    var session = SessionHarness()
    session.client(Client.startup(extra))
    #expect(session.clientErrors == [])
    #expect(types(session.toClient) == "R")
  }

  @Test(arguments: [
    ("options", "-c search_path=x", ReasonCode.startupParameter),
    ("search_path", "x", .startupParameter),
    ("replication", "database", .startupParameter),
    ("client_encoding", "SJIS", .protectedSetting),
    ("standard_conforming_strings", "off", .protectedSetting),
  ])
  func otherParametersAreRefusedByName(_ name: String, _ value: String, _ reason: ReasonCode) {
    var session = SessionHarness()
    session.client(Client.startup([(name, value)]))
    #expect(session.clientErrors == ["0A000"])
    #expect(String(buffer: session.toClient).contains(name))
    #expect(session.refusals.map(\.reason) == [reason])
    #expect(session.clientCloses == 1)
    #expect(session.core.isClosed)
  }

  @Test(arguments: [ReasonCode.tokenSignature, .noGrant, .noSuchConnection])
  func allRefusedLoginsReadTheSame(_ reason: ReasonCode) throws {
    var session = SessionHarness()
    session.client(Client.startup(), Client.password("x"))
    session.forget()
    session.send(.loginVerdict(.refused(LoginRefusal(reason: reason, detail: "why"))))
    #expect(session.clientErrors == ["28000"])
    #expect(!String(buffer: session.toClient).contains("why"))
    #expect(!String(buffer: session.toClient).contains(reason.rawValue))
    let refusal = try #require(session.refusals.first)
    #expect(refusal.reason == reason)
    #expect(refusal.connection == "orders")
    #expect(session.toServer.readableBytes == 0)
    #expect(session.clientCloses == 1)
  }

  @Test func serverFailuresLeakNothing() {
    var down = SessionHarness()
    down.client(Client.startup(), Client.password("x"))
    down.send(.loginVerdict(.granted(SessionHarness.grant(), ServerCredential(password: nil))))
    down.forget()
    down.send(
      .serverConnectFailed(
        ServerConnectFailure(reason: .serverUnreachable, detail: "10.0.0.1 refused")))
    #expect(down.clientErrors == ["08006"])
    #expect(!String(buffer: down.toClient).contains("10.0.0.1"))
    #expect(down.refusals.map(\.reason) == [.serverUnreachable])
    #expect(down.serverCloses == 0)

    var denied = SessionHarness.authenticating()
    denied.server(Server.error("28P01", "password authentication failed for user app_rw"))
    #expect(denied.clientErrors == ["08006"])
    #expect(!String(buffer: denied.toClient).contains("app_rw"))
    #expect(denied.refusals.map(\.reason) == [.serverAuthentication])
    #expect(denied.closes.count == 1)
    #expect(denied.serverCloses == 1)

    var starting = SessionHarness.authenticating()
    starting.server(Server.error("57P03", "the database system is starting up", severity: .fatal))
    #expect(starting.clientErrors == ["57P03"])
  }

  @Test func serverThatSkipsItsProofIsRefused() {
    var session = SessionHarness.authenticating()
    session.server(Server.authentication(.sasl(mechanisms: ["SCRAM-SHA-256"])))
    #expect(types(session.toServer) == "p")
    session.server(Server.authenticationOk)
    #expect(session.clientErrors == ["08006"])
    #expect(session.refusals.map(\.reason) == [.serverAuthentication])
  }

  @Test func cleartextNeedsAProtectedLeg() {
    var bare = SessionHarness.authenticating(.none)
    bare.server(Server.authentication(.cleartextPassword))
    #expect(bare.toServer.readableBytes == 0)
    #expect(bare.refusals.map(\.reason) == [.serverAuthentication])
    var safe = SessionHarness.authenticating(.tls)
    safe.server(Server.authentication(.cleartextPassword))
    #expect(String(buffer: safe.toServer).contains("pw\0"))
    safe.server(Server.authenticationOk)
    #expect(types(safe.toClient) == "R")
  }

  @Test func md5Answers() {
    var session = SessionHarness.authenticating()
    session.server(Server.authentication(.md5Password(salt: [1, 2, 3, 4])))
    #expect(String(buffer: session.toServer).dropFirst(5).hasPrefix("md5"))
  }

  @Test(arguments: [
    Server.authentication(.gss), Server.authentication(.saslFinal(ByteBuffer())), Server.row,
    Server.ready(), message("K", ""),
  ])
  func strangeServersAreRefused(_ bytes: ByteBuffer) {
    var session = SessionHarness.authenticating()
    session.server(bytes)
    #expect(session.clientErrors == ["08006"])
    #expect(session.core.isClosed)
    #expect(session.clientCloses == 1)
    #expect(session.serverCloses == 1)
  }

  @Test func silentClientTimesOut() {
    var session = SessionHarness()
    session.send(.timerFired(.handshake))
    #expect(session.refusals.map(\.reason) == [.handshakeTimeout])
    #expect(session.clientCloses == 1)
    #expect(session.send(.clientBytes(Client.startup())).isEmpty)
  }

  @Test func statementsSentBeforeReadyWait() {
    var session = SessionHarness()
    session.client(Client.startup(), Client.password("t"), Client.query("select 1"))
    session.send(.loginVerdict(.granted(SessionHarness.grant(), ServerCredential(password: nil))))
    session.send(.serverConnected(SessionHarness.connected()))
    #expect(session.begins.isEmpty)
    session.toServer.clear()
    session.server(Server.authenticationOk, Server.ready())
    #expect(session.begins.count == 1)
    #expect(types(session.toServer) == "Q")
  }

  @Test(arguments: [
    ByteBuffer(integer: UInt32(4)), ByteBuffer(integer: UInt32.max),
    ByteBuffer(bytes: [0, 0, 0, 9, 0, 3, 0, 0, 1]),
    ByteBuffer(bytes: [0, 0, 0, 8, 0, 2, 0, 0]),
  ])
  func brokenStartupsEnd(_ bytes: ByteBuffer) {
    var session = SessionHarness()
    session.client(bytes)
    #expect(session.core.isClosed)
    #expect(session.refusals.count == 1)
  }

  @Test func oversizedTokenEndsAtItsHeader() {
    var session = SessionHarness()
    session.client(Client.startup(), ByteBuffer(bytes: [0x70, 0x7F, 0xFF, 0xFF, 0xFF]))
    #expect(session.core.isClosed)
    #expect(session.clientErrors == ["08P01"])
  }

  @Test func roleDefaultsThatUnpinAreRefused() {
    var session = SessionHarness.authenticating()
    session.server(Server.authenticationOk, Server.status("standard_conforming_strings", "off"))
    #expect(session.clientErrors == ["57P01"])
    #expect(session.refusals.map(\.reason) == [.protectedSetting])
  }

  @Test func cancelRequestBehindTLS() {
    var session = SessionHarness()
    let key = CancelKey(processID: 5, secret: [1, 2, 3, 4])
    let effects = session.send(
      .clientBytes(write { StartupPacket.writeCancelRequest(key, into: &$0) }))
    #expect(effects.cancelRequest == key)
    #expect(effects.client.close)
    #expect(session.audit.isEmpty)
  }
}

extension SessionHarness {
  static func authenticating(
    _ protection: ServerConnected.Protection = .none,
    credential: ServerCredential = ServerCredential(password: Secret(text: "pw"))
  ) -> SessionHarness {
    var session = SessionHarness()
    session.client(Client.startup(), Client.password("token"))
    session.send(.loginVerdict(.granted(grant(), credential)))
    session.send(.serverConnected(connected(protection)))
    session.forget()
    return session
  }
}
