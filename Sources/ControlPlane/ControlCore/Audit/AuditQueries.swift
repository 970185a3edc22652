package import GatewayModel

/// A checked question for statements and refusals; every given filter must match.
package struct StatementQuery: Sendable, Equatable {
  package enum Order: String, Sendable { case newest, oldest }
  package enum Outcome: String, Sendable, CaseIterable {
    case completed, failed, suspended, skipped, unknown, refused
  }

  package var principal: String?
  package var connection: String?
  /// Hexadecimal digits that the agent's id begins with.
  package var agentPrefix: String?
  package var session: SessionID?
  package var since: WallTime?
  package var until: WallTime?
  /// All must stand in the SQL text, in any case.
  package var words: [String] = []
  package var outcome: Outcome?
  package var order: Order = .newest
  package var limit: Int = 100
  package var cursor: String?

  package init() {}
}

/// A checked question for sessions, newest first.
package struct SessionQuery: Sendable, Equatable {
  package var principal: String?
  package var connection: String?
  package var agentPrefix: String?
  package var since: WallTime?
  package var until: WallTime?
  package var openOnly: Bool = false
  package var limit: Int = 100
  package var cursor: String?
  package init() {}
}

/// The filters of a listing of sessions, as they stand in a URL.
package struct SessionFilter: Sendable, Equatable {
  package var principal: String?
  package var connection: String?
  package var agent: String?
  package var since: String?
  package var until: String?
  /// `open` for those that are not closed.
  package var state: String?
  package var limit: Int?
  package var cursor: String?
  package init(
    principal: String? = nil, connection: String? = nil, agent: String? = nil,
    since: String? = nil, until: String? = nil, state: String? = nil, limit: Int? = nil,
    cursor: String? = nil
  ) {
    self.principal = principal
    self.connection = connection
    self.agent = agent
    self.since = since
    self.until = until
    self.state = state
    self.limit = limit
    self.cursor = cursor
  }
}
