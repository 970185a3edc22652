import AuditLog
import Dispatch
import GatewayModel
import NIOCore
import PostgresWire
import SessionEngine
import Synchronization
import TestSupport
import Testing

/// A server that asks for many rounds of hashing holds up the login that needs them and no other.
@Suite struct KeyDerivationTests {
  /// Holds derivations until it is opened.
  private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let count = Mutex(0)

    var entered: Int { count.withLock { $0 } }

    func pass() {
      count.withLock { $0 += 1 }
      semaphore.wait()
      semaphore.signal()
    }

    func open() { semaphore.signal() }
  }

  @Test func anotherSessionOfTheLoopGoesOnMeanwhile() async throws {
    let gate = Gate()
    defer { gate.open() }
    var options = GatewayRig.Options()
    options.threads = 1
    options.deriveKeys = {
      gate.pass()
      return $0.keys()
    }
    let rig = try await GatewayRig(options)
    let server = try await ScriptedServer()
    let database = try await Database.shared.value
    await rig.apply(
      [
        try database.connection(agent: rig.agent),
        try database.connection(
          agent: rig.agent, name: "billing", tls: .disable, port: server.port),
      ],
      grants: GatewayRig.grants + [
        Grant(name: "b", to: .group("analysts"), connection: "billing", role: "app")
      ])
    let first = Task { try await rig.psql("SELECT 1;") }
    let second = Task { try await rig.psql("SELECT 2;") }
    try await eventually("a derivation runs", within: GatewayRig.patience) { gate.entered > 0 }

    let serving = Task {
      let peer = try await server.accept(within: GatewayRig.patience)
      _ = try await peer.receiveStartup()
      try await peer.welcome()
      _ = try await peer.receiveFrontend(within: GatewayRig.patience)
      try await peer.send { buffer in
        BackendMessage.CommandComplete(tag: "SELECT 0").encode(into: &buffer)
        BackendMessage.ReadyForQuery(status: .idle).encode(into: &buffer)
      }
      return peer
    }
    let other = try await ScriptedClient(
      .loopback(port: rig.port), security: .negotiated(try rig.pki.clientContext()))
    _ = try await other.logIn(
      user: "app", database: "billing", password: try await rig.token(connections: ["billing"]))
    #expect(try await other.query("SELECT").errors.isEmpty)
    _ = try await serving.value

    gate.open()
    #expect(try await first.value.output == "1\n")
    #expect(try await second.value.output == "2\n")
    // Both needed the same keys: the second shared the derivation or found its outcome.
    #expect(gate.entered == 1)
    await rig.end()
  }
}
