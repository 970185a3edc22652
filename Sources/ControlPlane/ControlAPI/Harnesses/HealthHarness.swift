import APIModel
internal import ControlCore
internal import Hummingbird
import Metrics
internal import Telemetry

/// What probes and Prometheus ask for.
struct HealthHarness: Sendable {
  let status: StatusService
  let version: String
  let registry: PrometheusRegistry

  private struct Health: Encodable {
    let status: String
    let version: String
  }

  func addRoutes(to routes: APIRoutes) {
    let readiness = Readiness(status: status)
    routes.open(.get, "/healthz") { _ in
      try .json(Health(status: "ok", version: version))
    }
    routes.open(.get, "/readyz") { _ in
      try await readiness.check()
      return try .json(Health(status: "ready", version: version))
    }
    routes.open(.get, "/metrics") { _ in
      Response(
        status: .ok,
        headers: [
          .contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store",
        ],
        body: .init(byteBuffer: ByteBuffer(string: registry.exposition())))
    }
  }
}

/// Whether this replica can serve, asked of the database at most once in a while.
actor Readiness {
  private let status: StatusService
  private let databaseUp = MetricName.controlDatabaseUp.gauge()
  private var last: (at: ContinuousClock.Instant, answer: Task<Void, any Error>)?

  init(status: StatusService) { self.status = status }

  /// - Throws: `unavailable` when the database does not answer in time.
  func check() async throws {
    let now = ContinuousClock.now
    if let last, now - last.at < APILimits.readinessAge { return try await last.answer.value }
    let answer = Task { [status, databaseUp] in
      do {
        try await Self.ask(status)
        databaseUp.set(1)
      } catch {
        databaseUp.set(0)
        throw error
      }
    }
    last = (now, answer)
    try await answer.value
  }

  private static func ask(_ status: StatusService) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await status.ready() }
      group.addTask {
        try await Task.sleep(for: APILimits.readinessDeadline)
        throw ControlError(
          .unavailable, "The database does not answer.",
          remedy: "Look at the database and the network between.")
      }
      try await group.next()
      group.cancelAll()
    }
  }
}
