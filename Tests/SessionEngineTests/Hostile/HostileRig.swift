import AuditLog
import GatewayModel
import NIOCore
import NIOSSL
import PostgresWire
import SessionEngine
import TestSupport
import Testing

/// A gateway with the connection `shop` to the real cluster and `orders` to a server that a test
/// drives, and clients that do what they should not.
struct HostileRig: Sendable {
  let rig: GatewayRig
  let server: ScriptedServer
  let context: NIOSSLContext
  let token: String

  /// - Parameter serverTLS: How the agent reaches the server of `orders`.
  init(
    serverTLS: ServerTLSMode = .disable, limits change: (inout GatewayLimits) -> Void = { _ in }
  ) async throws {
    var options = GatewayRig.Options()
    // One lane, so that the last record is the newest.
    options.threads = 1
    // None is left out, so that each can be looked for.
    options.limits.strangerRefusalsPerSecond = 1_000_000
    options.limits.principalRefusalsPerSecond = 1_000_000
    change(&options.limits)
    let database = try await Database.shared.value
    rig = try await GatewayRig(options)
    server = try await ScriptedServer()
    context = try rig.pki.clientContext()
    await rig.apply(
      [
        try database.connection(agent: rig.agent, tls: serverTLS, port: server.port),
        try database.connection(agent: rig.agent, name: "shop"),
      ],
      grants: ["orders", "shop"].map {
        Grant(name: "analysts-\($0)", to: .group("analysts"), connection: $0, role: "app")
      })
    token = try await rig.token(connections: ["orders", "shop"], lifetime: 900)
  }

  // MARK: Clients

  /// A connection that has sent nothing.
  func stranger() async throws -> WirePeer {
    try await ScriptedClient(.loopback(port: rig.port)).peer
  }

  /// A connection behind TLS that has sent no startup message.
  func secured() async throws -> ScriptedClient {
    try await ScriptedClient(.loopback(port: rig.port), security: .negotiated(context))
  }

  /// A session with the real cluster.
  func session(_ connection: String = "shop") async throws -> ScriptedClient {
    let client = try await secured()
    let welcome = try await client.logIn(user: "app", database: connection, password: token)
    if let refusal = welcome.refusal { throw TestFailure("not let in: \(refusal.message)") }
    return client
  }

  /// The agent lets in who should be, and answers.
  func expectServes(after what: String) async throws {
    do {
      let client = try await session()
      let reply = try await client.query("SELECT 42")
      #expect(reply.rows == [["42"]], "after \(what)")
      try await client.terminate()
    } catch {
      throw TestFailure("no session after \(what): \(error)")
    }
  }

  // MARK: What was recorded

  func refusalCount() throws -> Int { try rig.records().refusals.count }

  /// The refusals beyond the first `count`.
  func refusals(beyond count: Int, _ what: String) async throws -> [RefusalRecord] {
    let records = try await rig.records("a refusal of \(what)") { $0.refusals.count > count }
    return records.refusals
  }

  /// Waits until no connection is left, of clients or of sessions.
  func expectNobodyLeft() async throws {
    try await eventually("nobody is left", within: GatewayRig.patience) {
      rig.gateway.statistics.openConnections == 0
    }
  }
}

extension WirePeer {
  /// What stood between the peer's bytes and its close; a reset counts as a close.
  func remainder() async throws -> ByteBuffer {
    try await receiveClose(within: GatewayRig.patience)
  }

  /// The first error of the peer, whatever comes before it.
  func receiveError() async throws -> BackendMessage.Diagnostic {
    while true {
      let frame = try await receive(BackendMessageType.self, within: GatewayRig.patience)
      if frame.type == .errorResponse { return try .init(decoding: frame.body) }
    }
  }
}

/// Bytes as a test writes them down.
enum Raw {
  static func bytes(_ bytes: [UInt8]) -> ByteBuffer { ByteBuffer(bytes: bytes) }

  static func text(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

  /// A typed message; `length` where it lies about its body.
  static func message(
    _ type: Unicode.Scalar, _ body: ByteBuffer = ByteBuffer(), length: UInt32? = nil
  ) -> ByteBuffer {
    var buffer = ByteBuffer(bytes: [UInt8(ascii: type)])
    buffer.writeInteger(length ?? UInt32(body.readableBytes + 4))
    buffer.writeImmutableBuffer(body)
    return buffer
  }

  /// A packet without a type; `length` where it lies.
  static func packet(_ code: UInt32, _ body: [UInt8] = [], length: UInt32? = nil) -> ByteBuffer {
    var buffer = ByteBuffer(integer: length ?? UInt32(body.count + 8))
    buffer.writeInteger(code)
    buffer.writeBytes(body)
    return buffer
  }

  static func all(_ parts: ByteBuffer...) -> ByteBuffer {
    parts.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
  }

  static func written(_ encode: (inout ByteBuffer) -> Void) -> ByteBuffer {
    var buffer = ByteBuffer()
    encode(&buffer)
    return buffer
  }

  static let sslRequest = written(StartupPacket.writeSSLRequest)
  static let gssRequest = written(StartupPacket.writeGSSEncryptionRequest)

  static func startup(_ parameters: [(String, String)]) -> ByteBuffer {
    written(
      StartupMessage(parameters: parameters.map { .init(name: $0.0, value: $0.1) }).encode)
  }

  static let startupOfApp = startup([("user", "app"), ("database", "shop")])
}
