import AuditLog
import NIOCore
import PostgresWire
import TestSupport
import Testing

/// What a scripted server does with a session that the agent opens.
typealias ServerScript = @Sendable (WirePeer) async throws -> Void

/// A login or an answer that no server should give.
struct HostileServerCase: Sendable {
  var name: String
  var sqlState = "08006"
  var reason: String
  /// What the record says.
  var detail: String
  var script: ServerScript

  init(
    _ name: String, sqlState: String = "08006", reason: String, detail: String,
    script: @escaping ServerScript
  ) {
    self.name = name
    self.sqlState = sqlState
    self.reason = reason
    self.detail = detail
    self.script = script
  }

  /// These bytes and no more.
  init(
    _ name: String, sqlState: String = "08006", reason: String, detail: String, sends: ByteBuffer
  ) {
    self.init(name, sqlState: sqlState, reason: reason, detail: detail) { try await $0.send(sends) }
  }
}

extension HostileRig {
  /// Takes the agent's next session, past its startup message; cancels of earlier ones are closed.
  func acceptSession() async throws -> WirePeer {
    while true {
      let peer = try await server.accept(within: GatewayRig.patience)
      if case .startup = try await peer.receiveStartupPacket(within: GatewayRig.patience) {
        return peer
      }
      await peer.close()
    }
  }

  /// Runs a login at the scripted server, which ends in a refusal.
  func refusedLogin(
    _ script: @escaping ServerScript
  ) async throws -> (shown: BackendMessage.Diagnostic, record: RefusalRecord) {
    let before = try refusalCount()
    let serving = Task {
      let peer = try await acceptSession()
      try await script(peer)
      return peer
    }
    let client = try await secured()
    let welcome = try await client.logIn(user: "app", database: "orders", password: token)
    guard let shown = welcome.refusal else { throw TestFailure("the client was let in") }
    _ = try await client.peer.remainder()
    // The leg is closed too.
    _ = try await serving.value.remainder()
    guard let record = try await refusals(beyond: before, "the login").last else {
      throw TestFailure("no refusal is recorded")
    }
    return (shown, record)
  }

  /// A session with the scripted server that is ready for a statement.
  func scriptedSession() async throws -> (client: ScriptedClient, peer: WirePeer) {
    let serving = Task {
      let peer = try await acceptSession()
      try await peer.welcome()
      return peer
    }
    let client = try await session("orders")
    return (client, try await serving.value)
  }
}

extension WirePeer {
  func send(_ message: BackendMessage.Authentication) async throws {
    try await send(message.encode)
  }

  /// Asks for SCRAM and gives the nonce of the client.
  func beginScram(_ mechanisms: [String] = ["SCRAM-SHA-256"]) async throws -> String {
    try await send(.sasl(mechanisms: mechanisms))
    let frame = try await receiveFrontend(within: GatewayRig.patience)
    let first = try FrontendMessage.SASLInitialResponse(decoding: frame.body)
    let text = String(decoding: first.data?.bytes ?? [], as: UTF8.self)
    guard let nonce = text.split(separator: ",").last, nonce.hasPrefix("r=") else {
      throw TestFailure("the agent's first message has no nonce: \(text)")
    }
    return String(nonce.dropFirst(2))
  }

  /// Goes through SCRAM up to the client's proof.
  func takeProof() async throws {
    let nonce = try await beginScram()
    try await send(.saslContinue(Raw.text("r=\(nonce)server,s=c2FsdA==,i=1")))
    _ = try await receiveFrontend(within: GatewayRig.patience)
  }

  /// Lets the agent in and says nothing of how the server is set up.
  func letIn() async throws { try await send(.ok) }
}
