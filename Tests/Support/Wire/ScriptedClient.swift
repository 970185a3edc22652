import NIOCore
import NIOPosix
import NIOSSL
import PostgresWire

/// A PostgreSQL client that sends what a test tells it to.
package struct ScriptedClient: Sendable {
  package enum Address: Sendable {
    case loopback(port: Int)
    case unixSocket(path: String)
  }

  package enum Security: Sendable {
    case plaintext
    /// SSLRequest first, then TLS.
    case negotiated(NIOSSLContext)
    /// TLS from the first byte.
    case direct(NIOSSLContext)
  }

  package let peer: WirePeer

  /// Opens a connection, with TLS where asked; sends no startup message.
  package init(
    _ address: Address, security: Security = .plaintext, serverName: String? = nil
  ) async throws {
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    let make: @Sendable (any Channel) -> EventLoopFuture<WirePeer> = { channel in
      channel.eventLoop.makeCompletedFuture { try WirePeer.make(in: channel) }
    }
    switch address {
    case .loopback(let port):
      peer = try await bootstrap.connect(host: "127.0.0.1", port: port, channelInitializer: make)
    case .unixSocket(let path):
      peer = try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: make)
    }
    switch security {
    case .plaintext: break
    case .direct(let context):
      try await peer.secure(asClientWith: context, serverName: serverName)
    case .negotiated(let context):
      try await peer.send(StartupPacket.writeSSLRequest)
      let answer = try await peer.receive(count: 1)
      guard answer == ByteBuffer(string: "S") else {
        throw TestFailure("the server refused TLS: \(String(buffer: answer))")
      }
      try await peer.secure(asClientWith: context, serverName: serverName)
    }
  }

  /// What the server said between the startup message and the first ReadyForQuery.
  package struct Welcome: Sendable {
    package var settings: [String: String] = [:]
    package var cancelKey: CancelKey?
    package var frames: [BackendFrame] = []
    /// The server's refusal; no other field is complete then.
    package var refusal: BackendMessage.Diagnostic?
  }

  /// Logs in with whatever the server asks: nothing, cleartext, md5 or SCRAM.
  ///
  /// A refusal comes back as ``Welcome/refusal``.
  package func logIn(
    user: String, database: String, password: String = "",
    parameters: [String: String] = [:], version: ProtocolVersion = .v3_0
  ) async throws -> Welcome {
    let all =
      [("user", user), ("database", database)] + parameters.sorted { $0.key < $1.key }
    let startup = StartupMessage(
      version: version, parameters: all.map { .init(name: $0.0, value: $0.1) })
    try await peer.send(startup.encode)
    var welcome = Welcome()
    var scram: ScramClient?
    while true {
      let frame = try await peer.receive(BackendMessageType.self)
      welcome.frames.append(frame)
      switch frame.type {
      case .authentication:
        try await answer(
          try .init(decoding: frame.body), user: user, password: password, scram: &scram)
      case .parameterStatus:
        let status = try BackendMessage.ParameterStatus(decoding: frame.body)
        welcome.settings[status.name] = status.value
      case .backendKeyData:
        welcome.cancelKey = try BackendMessage.BackendKeyData(decoding: frame.body).key
      case .errorResponse:
        welcome.refusal = try .init(decoding: frame.body)
        return welcome
      case .readyForQuery: return welcome
      case .noticeResponse, .negotiateProtocolVersion: break
      default: throw TestFailure("the server sent \(frame.type) during the login")
      }
    }
  }

  private func answer(
    _ request: BackendMessage.Authentication, user: String, password: String,
    scram: inout ScramClient?
  ) async throws {
    switch request {
    case .ok: return
    case .cleartextPassword:
      try await peer.send(FrontendMessage.PasswordMessage(password: password.utf8).encode)
    case .md5Password(let salt):
      let answer = MD5Password.answer(user: user, password: password.utf8, salt: salt)
      try await peer.send(FrontendMessage.PasswordMessage(password: answer).encode)
    case .sasl(let mechanisms):
      let chosen = try ScramMechanism.select(from: mechanisms, mode: .disable, endPoint: nil)
      let nonce = (0..<18).map { _ in UInt8.random(in: 0 ... .max) }
      var client = ScramClient(password: password.utf8, randomNonce: nonce, binding: chosen.binding)
      let first = try client.firstMessage()
      scram = client
      try await peer.send(
        FrontendMessage.SASLInitialResponse(mechanism: chosen.mechanism.rawValue, data: first)
          .encode)
    case .saslContinue(let data):
      guard let final = try scram?.finalMessage(answering: data) else {
        throw TestFailure("SCRAM data without a mechanism")
      }
      try await peer.send(FrontendMessage.SASLResponse(data: final).encode)
    case .saslFinal(let data): try scram?.verify(serverFinal: data)
    default: throw TestFailure("the server asks for \(request)")
    }
  }

  /// Runs a simple query.
  package func query(
    _ sql: String, within limit: Duration = WirePeer.patience
  ) async throws -> Reply {
    try await peer.send(FrontendMessage.Query(sql: sql).encode)
    return try await reply(within: limit)
  }

  /// Runs a statement by Parse, Bind, Describe, Execute and Sync; parameters as text.
  package func execute(
    _ sql: String, _ parameters: [String?] = [], within limit: Duration = WirePeer.patience
  ) async throws -> Reply {
    try await peer.send { buffer in
      FrontendMessage.Parse(name: .unnamed, sql: ByteBuffer(string: sql)).encode(into: &buffer)
      FrontendMessage.Bind(parameters: parameters.map { $0.map { ByteBuffer(string: $0) } })
        .encode(into: &buffer)
      FrontendMessage.Describe(.portal(.unnamed)).encode(into: &buffer)
      FrontendMessage.Execute().encode(into: &buffer)
      FrontendMessage.writeSync(into: &buffer)
    }
    return try await reply(within: limit)
  }

  /// Takes messages up to and with the next ReadyForQuery, or a FATAL error.
  package func reply(within limit: Duration = WirePeer.patience) async throws -> Reply {
    var reply = Reply()
    while true {
      let frame = try await peer.receive(BackendMessageType.self, within: limit)
      try reply.append(frame)
      if reply.isComplete { return reply }
    }
  }

  /// Says goodbye and closes.
  package func terminate() async throws {
    try await peer.send(FrontendMessage.writeTerminate)
    await peer.close()
  }
}

/// What a server answered up to ReadyForQuery.
package struct Reply: Sendable {
  package private(set) var frames: [BackendFrame] = []
  /// Values as text; `nil` for null.
  package private(set) var rows: [[String?]] = []
  package private(set) var tags: [String] = []
  package private(set) var errors: [BackendMessage.Diagnostic] = []
  package private(set) var notices: [BackendMessage.Diagnostic] = []
  /// `nil` where the session was ended instead.
  package private(set) var status: TransactionStatus?
  package private(set) var isComplete = false

  package var sqlStates: [String] { errors.map(\.sqlState) }

  package init() {}

  package mutating func append(_ frame: BackendFrame) throws {
    frames.append(frame)
    switch frame.type {
    case .dataRow:
      let row = try BackendMessage.DataRow(decoding: frame.body)
      rows.append(row.values.map { $0.map { String(buffer: $0) } })
    case .commandComplete:
      tags.append(try BackendMessage.CommandComplete(decoding: frame.body).tag)
    case .errorResponse:
      let error = try BackendMessage.Diagnostic(decoding: frame.body)
      errors.append(error)
      if error.endsSession { isComplete = true }
    case .noticeResponse: notices.append(try .init(decoding: frame.body))
    case .readyForQuery:
      status = try BackendMessage.ReadyForQuery(decoding: frame.body).status
      isComplete = true
    default: break
    }
  }
}
