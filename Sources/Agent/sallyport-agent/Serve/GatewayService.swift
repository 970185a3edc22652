import ControlLink
import Logging
import ServiceLifecycle
import SessionEngine

/// Runs a started gateway; at the end lets its sessions finish for a while, then ends them.
struct GatewayService: Service {
  let gateway: GatewayServer
  let health: AgentHealth
  let drainDeadline: Duration
  let logger: Logger

  func run() async throws {
    // Throws when the group is cancelled because another service failed; ending is the same.
    try? await gracefulShutdown()
    health.beginStopping()
    logger.notice("draining")
    await gateway.drain(within: drainDeadline)
    await gateway.shutdown()
  }
}

/// Answers `connections test` through the gateway.
struct GatewayTester: ConnectionTester {
  let gateway: GatewayServer

  func test(connection: String, role: String) async -> ConnectionTestAnswer {
    let result = await gateway.testConnection(named: connection, role: role)
    return ConnectionTestAnswer(ok: result.ok, detail: result.detail, duration: result.duration)
  }
}
