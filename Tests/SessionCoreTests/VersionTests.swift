import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// Protocol versions on both legs; neither knows of the other.
@Suite struct VersionTests {
  private static let reserved = ProtocolVersion(major: 3, minor: 1)
  private static let grease = ProtocolVersion(major: 3, minor: 9_999)

  // MARK: The client leg

  @Test(arguments: [
    (ProtocolVersion.v3_0, ProtocolVersion.v3_0), (reserved, reserved), (.v3_2, .v3_2),
  ])
  func aKnownVersionIsTakenInSilence(_ asked: ProtocolVersion, _ spoken: ProtocolVersion) {
    var session = SessionHarness()
    session.client(Client.startup(version: asked))
    #expect(types(session.toClient) == "R")
    #expect(session.core.clientVersion == spoken)
  }

  /// What newer clients ask for, to see whether servers negotiate.
  @Test(arguments: [
    (grease, [("_pq_.test_protocol_negotiation", "")], ProtocolVersion.v3_2),
    (ProtocolVersion(major: 3, minor: 3), [], .v3_2),
    (.v3_2, [("_pq_.a", "1"), ("_pq_.b", "2")], .v3_2),
    (.v3_0, [("_pq_.a", "1")], .v3_0),
  ])
  func whatIsUnknownIsNegotiated(
    _ asked: ProtocolVersion, _ options: [(String, String)], _ newest: ProtocolVersion
  ) throws {
    var session = SessionHarness()
    session.client(Client.startup(options, version: asked))
    var stream = MessageStream()
    stream.append(session.toClient)
    let next = stream.next()
    let first = try #require(next)
    #expect(first.type == "v")
    let answer = try BackendMessage.NegotiateProtocolVersion(decoding: first.body)
    #expect(answer.newest == newest)
    #expect(answer.unknownOptions == options.map(\.0))
    #expect(stream.types() == "R")
    #expect(session.core.clientVersion == newest)
  }

  @Test func anotherMajorVersionIsRefusedAsTheServerDoes() {
    var session = SessionHarness()
    session.client(ByteBuffer(bytes: [0, 0, 0, 8, 0, 2, 0, 0]))
    #expect(session.clientErrors == ["0A000"])
    #expect(
      String(buffer: session.toClient).contains(
        "unsupported frontend protocol 2.0: server supports 3.0 to 3.2"))
  }

  // MARK: The server leg

  private func asked(_ session: inout SessionHarness) throws -> ProtocolVersion {
    var bytes = session.toServer
    guard case .startup(let message)? = try StartupPacket.next(in: &bytes) else {
      Issue.record("no StartupMessage")
      return .v3_0
    }
    return message.version
  }

  private func negotiate(_ version: ProtocolVersion, _ options: [String] = []) -> ByteBuffer {
    write {
      BackendMessage.NegotiateProtocolVersion(newest: version, unknownOptions: options)
        .encode(into: &$0)
    }
  }

  private func authenticating(asking version: ProtocolVersion = .v3_2) -> SessionHarness {
    var session = SessionHarness(serverVersion: version)
    session.client(Client.startup(), Client.password("token"))
    session.send(
      .loginVerdict(
        .granted(SessionHarness.grant(), ServerCredential(password: Secret(text: "pw")))))
    session.toServer.clear()
    session.send(.serverConnected(SessionHarness.connected()))
    return session
  }

  @Test func theNewestVersionIsAskedForAndALongKeyTaken() throws {
    var session = authenticating()
    #expect(try asked(&session) == .v3_2)
    let secret = (0..<256).map { UInt8(truncatingIfNeeded: $0) }
    session.server(Server.authenticationOk, Server.key(4711, secret), Server.ready())
    #expect(session.core.isReady)
    #expect(session.core.serverCancelKey == CancelKey(processID: 4711, secret: secret))
    #expect(!session.toClient.readableBytesView.contains(contentsOf: secret))
  }

  @Test func anOlderServerTakesTheLegDown() throws {
    var session = authenticating()
    session.server(negotiate(.v3_0), Server.authenticationOk)
    session.server(Server.key(4711, [1, 2, 3, 4]), Server.ready())
    #expect(session.core.isReady)
    #expect(session.core.serverVersion.current == .v3_0)
    // Of no concern to the client.
    #expect(!types(session.toClient).contains("v"))
  }

  @Test func version30CanBeAskedFor() throws {
    var session = authenticating(asking: .v3_0)
    #expect(try asked(&session) == .v3_0)
    session.server(negotiate(.v3_0))
    #expect(session.refusals.map(\.reason) == [.serverProtocol])
  }

  @Test func aShortVersionHasShortKeys() {
    for key in [[1, 2, 3, 4, 5], Array(repeating: 7, count: 32)] as [[UInt8]] {
      var session = authenticating()
      session.server(negotiate(.v3_0), Server.authenticationOk, Server.key(4711, key))
      #expect(session.refusals.map(\.reason) == [.serverProtocol])
      #expect(session.refusals.first?.detail.contains("a cancel key of \(key.count) bytes") == true)
      #expect(session.clientErrors == ["08006"])
    }
  }

  @Test func aNegotiationThatIsNoneEndsTheLeg() {
    let strange: [[ByteBuffer]] = [
      [negotiate(.v3_2)], [negotiate(Self.reserved)], [negotiate(Self.grease)],
      [negotiate(ProtocolVersion(major: 2, minor: 0))],
      [negotiate(ProtocolVersion(major: 4, minor: 0))],
      [negotiate(.v3_0, ["_pq_.never_asked"])],
      [negotiate(.v3_0), negotiate(.v3_0)],
      [Server.authentication(.md5Password(salt: [1, 2, 3, 4])), negotiate(.v3_0)],
      [Server.authenticationOk, negotiate(.v3_0)],
      [message("v", "\0\u{3}\0\0\u{7F}\0\0\0")], [message("v", "\0")],
    ]
    for parts in strange {
      var session = authenticating()
      session.server(all(parts))
      #expect(session.refusals.map(\.reason) == [.serverProtocol], "\(parts)")
      #expect(session.serverCloses == 1)
      #expect(session.clientErrors == ["08006"])
    }
  }

  @Test(arguments: [
    ("0A000", "unsupported frontend protocol 3.2: server supports 1.0 to 3.0"),
    ("08P01", "unsupported startup packet"),
  ])
  func aServerThatRefusesTheVersionIsNamed(_ sqlstate: String, _ text: String) throws {
    var session = authenticating()
    session.server(Server.error(sqlstate, text, severity: .fatal))
    #expect(session.clientErrors == ["08006"])
    #expect(!String(buffer: session.toClient).contains(text))
    let refusal = try #require(session.refusals.first)
    #expect(refusal.reason == .serverUnreachable)
    #expect(refusal.detail.contains(text))
    #expect(refusal.detail.hasSuffix("start the agent with --server-protocol 3.0"))
    // Later, or when 3.0 was asked for, the same error is about something else.
    for asking in [ProtocolVersion.v3_0, .v3_2] {
      var later = authenticating(asking: asking)
      if asking == .v3_2 { later.server(Server.authenticationOk) }
      later.server(Server.error(sqlstate, text, severity: .fatal))
      #expect(later.refusals.first?.detail.contains("--server-protocol") == false)
    }
  }
}

extension ByteBufferView {
  fileprivate func contains(contentsOf bytes: [UInt8]) -> Bool {
    indices.contains { self[$0...].starts(with: bytes) }
  }
}
