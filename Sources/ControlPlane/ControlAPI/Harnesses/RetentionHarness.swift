import APIModel
internal import ControlCore
internal import Hummingbird

/// How long records are kept, holds, and the removal of days.
struct RetentionHarness: Sendable {
  let retention: RetentionService

  func addRoutes(to routes: APIRoutes) {
    routes.on(.get, Routes.retention) { _, caller in
      try .json(await retention.show(by: caller))
    }
    routes.on(.post, Routes.retention) { call, caller in
      let change = try await call.body(RetentionChange.self)
      return try .json(await retention.set(change, by: caller))
    }
    routes.on(.get, Routes.holds) { _, caller in
      try .page(await retention.holds(by: caller))
    }
    routes.on(.post, Routes.holds) { call, caller in
      let draft = try await call.body(LegalHoldDraft.self)
      return try .json(await retention.add(draft, by: caller), status: .created)
    }
    routes.on(.post, "\(Routes.holds)/{name}/release") { call, caller in
      let request = try await call.body(ReleaseRequest.self)
      return try .json(
        await retention.release(hold: call.path("name"), request, by: caller))
    }
    routes.on(.get, Routes.retentionDays) { _, caller in
      try .page(await retention.days(by: caller))
    }
    routes.on(.get, "\(Routes.retentionDays)/{day}") { call, caller in
      try .json(await retention.day(call.path("day"), by: caller))
    }
    routes.on(.post, "\(Routes.retentionDays)/{day}/prune") { call, caller in
      let request = try await call.body(PruneRequest.self)
      return try .json(await retention.prune(call.path("day"), request, by: caller))
    }
  }
}
