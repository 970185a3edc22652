import APIModel
internal import ControlCore
internal import Hummingbird
import Metrics
internal import Telemetry

/// The routes that need no API token: who this is, the first token, enrolment and recovery.
struct EnrolmentHarness: Sendable {
  let keys: ControlKeys
  let access: AccessService
  let agents: AgentService
  let limiter: AttemptLimiter

  func addRoutes(to routes: APIRoutes) {
    routes.open(.get, Routes.authority) { _ in try .json(keys.authority) }
    routes.open(.post, Routes.bootstrap) { call in
      let request = try await call.body(BootstrapRequest.self)
      return try .json(
        await attempt(call) {
          try await access.bootstrap(request, from: call.context.clientAddress.text)
        })
    }
    routes.open(.post, Routes.enroll) { call in
      let request = try await call.body(EnrollRequest.self)
      return try .json(
        await attempt(call) {
          try await agents.enrol(request, from: call.context.clientAddress.text)
        })
    }
    routes.open(.post, Routes.recover) { call in
      let request = try await call.body(RecoverRequest.self)
      return try .json(await attempt(call) { try await agents.recover(request) })
    }
  }

  /// Does what spends a one-time secret, within the limit of wrong ones.
  private func attempt<Answer>(
    _ call: APICall, _ act: () async throws -> Answer
  ) async throws -> Answer {
    let party = call.context.clientAddress.party
    do {
      try limiter.take(for: party, at: .now)
    } catch {
      MetricName.controlAttemptsLimited.counter().increment()
      throw error
    }
    do {
      let answer = try await act()
      limiter.giveBack(for: party, at: .now)
      return answer
    } catch {
      // A database that was away is not the caller's guess.
      if (error as? ControlError)?.code != .unauthorized {
        limiter.giveBack(for: party, at: .now)
      }
      throw error
    }
  }
}
