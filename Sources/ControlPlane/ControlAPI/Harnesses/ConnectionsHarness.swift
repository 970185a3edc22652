import APIModel
internal import ControlCore
internal import Hummingbird

struct ConnectionsHarness: Sendable {
  let connections: ConnectionService

  func addRoutes(to routes: APIRoutes) {
    routes.on(.get, Routes.connections) { _, caller in
      try .page(await connections.list(by: caller))
    }
    routes.on(.post, Routes.connections) { call, caller in
      let draft = try await call.body(ConnectionDraft.self)
      return try .json(await connections.add(draft, by: caller), status: .created)
    }
    routes.on(.get, "\(Routes.connections)/{name}") { call, caller in
      try .json(await connections.show(call.path("name"), by: caller))
    }
    routes.on(.delete, "\(Routes.connections)/{name}") { call, caller in
      try await connections.remove(call.path("name"), by: caller)
      return .noContent
    }
    routes.on(.post, "\(Routes.connections)/{name}/test") { call, caller in
      try .page(await connections.test(call.path("name"), by: caller))
    }
  }
}
