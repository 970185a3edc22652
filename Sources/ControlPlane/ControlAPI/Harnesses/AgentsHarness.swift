import APIModel
internal import ControlCore
internal import Hummingbird

struct AgentsHarness: Sendable {
  let agents: AgentService

  func addRoutes(to routes: APIRoutes) {
    routes.on(.post, Routes.invitations) { call, caller in
      let draft = try await call.body(InvitationDraft.self)
      return try .json(await agents.invite(draft, by: caller), status: .created)
    }
    routes.on(.get, Routes.agents) { _, caller in
      try .page(await agents.list(by: caller))
    }
    routes.on(.get, "\(Routes.agents)/{id}") { call, caller in
      try .json(await agents.show(call.path("id"), by: caller))
    }
    routes.on(.delete, "\(Routes.agents)/{id}") { call, caller in
      try await agents.remove(call.path("id"), by: caller)
      return .noContent
    }
    routes.on(.post, "\(Routes.agents)/{id}/release") { call, caller in
      let request = try await call.body(ReleaseRequest.self)
      return try .json(await agents.release(call.path("id"), request, by: caller))
    }
    routes.on(.get, "\(Routes.segments)/{segment}/sealing-keys") { call, caller in
      try .page(await agents.sealingKeys(segment: call.path("segment"), by: caller))
    }
  }
}
