package import GatewayModel

/// A checked question for statements and refusals; every given filter must match, and of a filter
/// with several values one. An empty list is no filter.
package struct StatementQuery: Sendable, Equatable {
  package enum Order: String, Sendable, CaseIterable { case newest, oldest }
  package enum Outcome: String, Sendable, CaseIterable {
    case completed, failed, suspended, skipped, unknown, refused
  }
  package enum Decision: String, Sendable, CaseIterable { case allowed, refused }

  package var principals: [String] = []
  /// Anywhere in the chain of actors, or the principal.
  package var actors: [String] = []
  /// The last of the chain of actors, or the principal.
  package var roots: [String] = []
  package var connections: [String] = []
  /// Hexadecimal digits that the agent's id begins with.
  package var agentPrefix: String?
  package var segments: [String] = []
  package var session: SessionID?
  package var since: WallTime?
  package var until: WallTime?
  /// All must stand in the SQL text, in any case.
  package var words: [String] = []
  package var tables: [TableName] = []
  /// In capitals: `DELETE`, `DROP TABLE`, or `DROP` for all that begin so.
  package var commands: [String] = []
  package var effects: [StatementEffect] = []
  package var decision: Decision?
  package var rules: [String] = []
  package var policies: [String] = []
  /// Only what a rule or grant that observes was about.
  package var observedOnly = false
  /// Only what was judged by a stale policy.
  package var staleOnly = false
  package var outcomes: [Outcome] = []
  package var rowsOver: Int64?
  /// SHA-256 each.
  package var digests: [[UInt8]] = []
  /// Five characters, or the two of a class.
  package var sqlstates: [String] = []
  package var order: Order = .newest
  package var limit: Int = 100
  package var cursor: String?
  /// How long the answer may wait for a first row; `nil` for not at all.
  package var patience: Duration?

  package init() {}
}

/// A checked question for sessions, newest first.
package struct SessionQuery: Sendable, Equatable {
  package var principal: String?
  package var connection: String?
  /// Hexadecimal digits that the agent's id begins with.
  package var agentPrefix: String?
  package var since: WallTime?
  package var until: WallTime?
  package var openOnly: Bool = false
  package var limit: Int = 100
  package var cursor: String?
  package init() {}
}

/// A checked question for the sessions with an id and a page of what happened in them.
package struct SessionDetailQuery: Sendable, Equatable {
  package var id: SessionID
  /// Hexadecimal digits that the agent's id begins with.
  package var agentPrefix: String?
  /// The most sessions: agents draw the ids, so that several can have one.
  package var limit: Int
  /// The most statements of each.
  package var statementLimit: Int
  package var cursor: String?

  package init(
    id: SessionID, agentPrefix: String? = nil, limit: Int, statementLimit: Int,
    cursor: String? = nil
  ) {
    self.id = id
    self.agentPrefix = agentPrefix
    self.limit = limit
    self.statementLimit = statementLimit
    self.cursor = cursor
  }
}

/// The filters of a listing of sessions, as they stand in a URL.
package struct SessionFilter: Sendable, Equatable, Encodable {
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
