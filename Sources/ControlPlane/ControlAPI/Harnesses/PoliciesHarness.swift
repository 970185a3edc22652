import APIModel
internal import ControlCore
internal import Hummingbird

/// The policies in force, their versions, and changes of them.
struct PoliciesHarness: Sendable {
  let policies: PolicyService

  func addRoutes(to routes: APIRoutes) {
    routes.on(.get, Routes.policy) { _, caller in
      try .json(await policies.show(by: caller))
    }
    routes.on(.post, Routes.policy) { call, caller in
      let application = try await call.body(PolicyApplication.self)
      return try .json(await policies.apply(application, by: caller))
    }
    routes.on(.post, Routes.policyRollback) { call, caller in
      let rollback = try await call.body(PolicyRollback.self)
      return try .json(await policies.rollBack(rollback, by: caller))
    }
    routes.on(.get, Routes.policyVersions, query: ["limit", "cursor"]) { call, caller in
      try .json(
        await policies.history(
          limit: call.query.number("limit"), cursor: call.query["cursor"], by: caller))
    }
    routes.on(.get, "\(Routes.policyVersions)/{version}") { call, caller in
      let text = try call.path("version")
      guard let version = Int(text) else {
        throw ControlError(
          .invalid, "The version \"\(text.prefix(40))\" in the path is not a number.",
          remedy: "See GET \(Routes.policyVersions) for those there are.")
      }
      return try .json(await policies.show(version: version, by: caller))
    }
  }
}
