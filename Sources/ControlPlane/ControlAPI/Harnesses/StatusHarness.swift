import APIModel
internal import ControlCore
internal import Hummingbird

struct StatusHarness: Sendable {
  let status: StatusService

  func addRoutes(to routes: APIRoutes) {
    routes.on(.get, Routes.status) { _, caller in
      try .json(await status.status(by: caller))
    }
  }
}
