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
    let repeatable = StatementFilter.repeatable.map(\.rawValue)
    routes.on(.get, Routes.statements, query: filters, repeatable: repeatable) { call, caller in
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
    routes.on(.get, "\(Routes.sessions)/{id}", query: ["agent", "limit", "cursor"]) {
      call, caller in
      try .page(
        await audit.sessions(
          withID: call.path("id"), agent: call.query["agent"],
          limit: call.query.number("limit"), cursor: call.query["cursor"], by: caller))
    }
  }

  private static func filter(_ query: QueryItems) throws(ControlError) -> StatementFilter {
    func text(_ key: StatementFilter.CodingKeys) -> String? { query[key.rawValue] }
    func all(_ key: StatementFilter.CodingKeys) -> [String] { query.all(key.rawValue) }
    func number(_ key: StatementFilter.CodingKeys) throws(ControlError) -> Int? {
      try query.number(key.rawValue)
    }
    return StatementFilter(
      principal: all(.principal), actor: all(.actor), root: all(.root),
      connection: all(.connection), agent: text(.agent), segment: all(.segment),
      session: text(.session), since: text(.since), until: text(.until), words: text(.words),
      table: all(.table), command: all(.command), effect: all(.effect),
      decision: text(.decision), rule: all(.rule), policy: all(.policy),
      observed: text(.observed), stale: text(.stale), outcome: all(.outcome),
      rowsOver: try number(.rowsOver), digest: all(.digest), sqlstate: all(.sqlstate),
      order: text(.order), limit: try number(.limit), cursor: text(.cursor),
      wait: try number(.wait))
  }
}
