/// What to look for in the audit trail; every given filter must match, and of a filter with several
/// values one.
///
/// In a URL each stands as a query item under the key's name, several values as several items.
package struct StatementFilter: Codable, Sendable, Equatable {
  package enum CodingKeys: String, CodingKey, CaseIterable {
    case principal, actor, root, connection, agent, segment, session, since, until, words, table
    case command, effect, decision, rule, policy, observed, stale, outcome, rowsOver, digest
    case sqlstate, order, limit, cursor, wait
  }

  /// Subjects of principals.
  package var principal: [String]
  /// Subjects that stand anywhere in the chain of actors, or are the principal.
  package var actor: [String]
  /// Subjects on whose behalf everything was done in the end: the last of the chain of actors, or
  /// the principal where there is no chain.
  package var root: [String]
  /// Names of connections.
  package var connection: [String]
  /// An agent's id or a prefix of it.
  package var agent: String?
  /// Segments of the agents.
  package var segment: [String]
  package var session: String?
  /// RFC 3339, inclusive.
  package var since: String?
  /// RFC 3339, exclusive.
  package var until: String?
  /// Words that all stand in the SQL text, in any case and order.
  package var words: String?
  /// Tables that the text names: `orders` in any schema, `public.orders` where it is written so.
  /// Folded to lower case unless quoted.
  package var table: [String]
  /// Commands such as `DELETE`, `DROP TABLE`, or `DROP` for every command that begins so.
  package var command: [String]
  /// `read`, `write`, `ddl`, `privilege`, `session`, `program`, `unknown`, `maintenance`, `lock`,
  /// `transaction` or `setting`.
  package var effect: [String]
  /// `allowed` or `refused`.
  package var decision: String?
  /// The grants or rules that decided.
  package var rule: [String]
  /// The policies that these stand in.
  package var policy: [String]
  /// `true` for what a rule or grant that only observes was about.
  package var observed: String?
  /// `true` for what was judged by a policy that the control plane no longer vouched for.
  package var stale: String?
  /// `completed`, `failed`, `suspended`, `skipped`, `unknown`, `refused` (also refused entries).
  package var outcome: [String]
  /// More rows than that were returned or affected.
  package var rowsOver: Int?
  /// SHA-256 of the text, 64 hexadecimal digits.
  package var digest: [String]
  /// SQLSTATEs of five characters, or the two of a class.
  package var sqlstate: [String]
  /// `newest` (default) or `oldest`; following a trail reads `oldest` from the last cursor.
  package var order: String?
  /// 1 to 1000; default 100.
  package var limit: Int?
  package var cursor: String?
  /// Seconds, 1 to 30, that the answer may wait for a first row; with `order=oldest` and a cursor.
  package var wait: Int?

  package init(
    principal: [String] = [], actor: [String] = [], root: [String] = [], connection: [String] = [],
    agent: String? = nil, segment: [String] = [], session: String? = nil, since: String? = nil,
    until: String? = nil, words: String? = nil, table: [String] = [], command: [String] = [],
    effect: [String] = [], decision: String? = nil, rule: [String] = [], policy: [String] = [],
    observed: String? = nil, stale: String? = nil, outcome: [String] = [],
    rowsOver: Int? = nil, digest: [String] = [], sqlstate: [String] = [], order: String? = nil,
    limit: Int? = nil, cursor: String? = nil, wait: Int? = nil
  ) {
    self.principal = principal
    self.actor = actor
    self.root = root
    self.connection = connection
    self.agent = agent
    self.segment = segment
    self.session = session
    self.since = since
    self.until = until
    self.words = words
    self.table = table
    self.command = command
    self.effect = effect
    self.decision = decision
    self.rule = rule
    self.policy = policy
    self.observed = observed
    self.stale = stale
    self.outcome = outcome
    self.rowsOver = rowsOver
    self.digest = digest
    self.sqlstate = sqlstate
    self.order = order
    self.limit = limit
    self.cursor = cursor
    self.wait = wait
  }

  /// The filters that take several values.
  package static let repeatable: [CodingKeys] = [
    .principal, .actor, .root, .connection, .segment, .table, .command, .effect, .rule, .policy,
    .outcome,
    .digest, .sqlstate,
  ]

  /// The given filters under the names of their keys, in their order.
  package var queryItems: [(String, String)] {
    CodingKeys.allCases.flatMap { key in values(key).map { (key.rawValue, $0) } }
  }

  private func values(_ key: CodingKeys) -> [String] {
    func one(_ value: String?) -> [String] { value.map { [$0] } ?? [] }
    return switch key {
    case .principal: principal
    case .actor: actor
    case .root: root
    case .connection: connection
    case .agent: one(agent)
    case .segment: segment
    case .session: one(session)
    case .since: one(since)
    case .until: one(until)
    case .words: one(words)
    case .table: table
    case .command: command
    case .effect: effect
    case .decision: one(decision)
    case .rule: rule
    case .policy: policy
    case .observed: one(observed)
    case .stale: one(stale)
    case .outcome: outcome
    case .rowsOver: one(rowsOver.map(String.init))
    case .digest: digest
    case .sqlstate: sqlstate
    case .order: one(order)
    case .limit: one(limit.map(String.init))
    case .cursor: one(cursor)
    case .wait: one(wait.map(String.init))
    }
  }
}
