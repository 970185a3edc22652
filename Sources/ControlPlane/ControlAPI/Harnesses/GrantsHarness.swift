import APIModel
internal import ControlCore
internal import Hummingbird

struct GrantsHarness: Sendable {
  let grants: GrantService

  func addRoutes(to routes: APIRoutes) {
    routes.on(.get, Routes.grants) { _, caller in
      try .page(await grants.list(by: caller))
    }
    routes.on(.post, Routes.grants) { call, caller in
      let draft = try await call.body(GrantDraft.self)
      return try .json(await grants.add(draft, by: caller), status: .created)
    }
    routes.on(.delete, "\(Routes.grants)/{name}") { call, caller in
      try await grants.remove(call.path("name"), by: caller)
      return .noContent
    }
  }
}
