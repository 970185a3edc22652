import APIModel
internal import ControlCore
internal import Hummingbird

struct TokensHarness: Sendable {
  let tokens: TokenService

  func addRoutes(to routes: APIRoutes) {
    routes.on(.post, Routes.tokens) { call, caller in
      let request = try await call.body(TokenRequest.self)
      return try .json(await tokens.issue(request, by: caller), status: .created)
    }
  }
}
