import APIModel
internal import ControlCore
internal import Hummingbird

/// What was done and read at the control plane itself.
struct ControlLogHarness: Sendable {
  let log: ControlLog

  func addRoutes(to routes: APIRoutes) {
    let filters = ControlLogFilter.CodingKeys.allCases.map(\.rawValue)
    let repeatable = ControlLogFilter.repeatable.map(\.rawValue)
    routes.on(.get, Routes.controlLog, query: filters, repeatable: repeatable) { call, caller in
      let query = call.query
      let filter = ControlLogFilter(
        caller: query.all("caller"), action: query.all("action"), since: query["since"],
        until: query["until"], limit: try query.number("limit"), cursor: query["cursor"])
      return try .json(await log.entries(filter, by: caller))
    }
    routes.on(.get, Routes.controlCheckpoint, query: ["from"]) { call, caller in
      try .json(await log.checkpoint(provingFrom: call.query.number("from"), by: caller))
    }
  }
}
