import APIModel
internal import ControlCore
internal import Hummingbird

/// What the agents recorded: statements and sessions.
struct AuditHarness: Sendable {
  let audit: AuditService

  private static let sessionParameters = [
    "principal", "connection", "agent", "since", "until", "state", "limit", "cursor",
  ]

  func addRoutes(to routes: APIRoutes) {
    let filters = StatementFilter.CodingKeys.allCases.map(\.rawValue)
    routes.on(.get, Routes.statements, query: filters) { call, caller in
      try .json(await audit.statements(Self.filter(call.query), by: caller))
    }
    routes.on(.get, Routes.sessions, query: Self.sessionParameters) { call, caller in
      let query = call.query
      let filter = SessionFilter(
        principal: query["principal"], connection: query["connection"], agent: query["agent"],
        since: query["since"], until: query["until"], state: query["state"],
        limit: try query.number("limit"), cursor: query["cursor"])
      return try .json(await audit.sessions(filter, by: caller))
    }
    routes.on(.get, "\(Routes.sessions)/{id}", query: ["agent"]) { call, caller in
      try .page(
        await audit.sessions(withID: call.path("id"), agent: call.query["agent"], by: caller))
    }
  }

  private static func filter(_ query: QueryItems) throws(ControlError) -> StatementFilter {
    func text(_ key: StatementFilter.CodingKeys) -> String? { query[key.rawValue] }
    return StatementFilter(
      principal: text(.principal), connection: text(.connection), agent: text(.agent),
      session: text(.session), since: text(.since), until: text(.until), words: text(.words),
      outcome: text(.outcome), order: text(.order),
      limit: try query.number(StatementFilter.CodingKeys.limit.rawValue), cursor: text(.cursor))
  }
}
