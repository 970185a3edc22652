/// What to look for in the audit trail; every given filter must match.
///
/// In a URL each stands as a query item under the key's name.
package struct StatementFilter: Codable, Sendable, Equatable {
  package enum CodingKeys: String, CodingKey, CaseIterable {
    case principal, connection, agent, session, since, until, words, outcome, order, limit, cursor
  }

  package var principal: String?
  package var connection: String?
  /// An agent's id or a prefix of it.
  package var agent: String?
  package var session: String?
  /// RFC 3339, inclusive.
  package var since: String?
  /// RFC 3339, exclusive.
  package var until: String?
  /// Words that all stand in the SQL text, in any case and order.
  package var words: String?
  /// `completed`, `failed`, `suspended`, `skipped`, `unknown`, `refused` (also refused entries).
  package var outcome: String?
  /// `newest` (default) or `oldest`; following a trail reads `oldest` from the last cursor.
  package var order: String?
  /// 1 to 1000; default 100.
  package var limit: Int?
  package var cursor: String?

  package init(
    principal: String? = nil, connection: String? = nil, agent: String? = nil,
    session: String? = nil, since: String? = nil, until: String? = nil, words: String? = nil,
    outcome: String? = nil, order: String? = nil, limit: Int? = nil, cursor: String? = nil
  ) {
    self.principal = principal
    self.connection = connection
    self.agent = agent
    self.session = session
    self.since = since
    self.until = until
    self.words = words
    self.outcome = outcome
    self.order = order
    self.limit = limit
    self.cursor = cursor
  }
}

/// One statement or refused entry as an auditor sees it.
package struct StatementInfo: Codable, Sendable, Equatable {
  /// `statement`, or `refusal` for an entry or statement that was refused.
  package var kind: String
  package var at: String
  package var session: String?
  /// The number of the statement in its session.
  package var statement: Int?
  package var principal: String?
  package var principalKind: String?
  package var groups: [String]
  package var actors: [ActorInfo]
  package var connection: String?
  package var database: String?
  package var databaseRole: String?
  package var agent: String
  package var clientAddress: String?
  /// As the client asserts it.
  package var applicationName: String?
  package var sql: String?
  /// SHA-256 of the text, hexadecimal.
  package var digest: String?
  package var parameters: [ParameterInfo]
  /// `completed`, `failed`, `suspended`, `skipped`, `unknown` or `refused`.
  package var outcome: String
  package var sqlstate: String?
  package var message: String?
  /// The reason code of a refusal.
  package var reason: String?
  package var commandTag: String?
  package var rows: Int?
  package var serverMilliseconds: Double?
  package var totalMilliseconds: Double?
  /// The grant or rule that allowed it.
  package var rule: String?
  package var bundleVersion: Int?
  /// The place of the begin (or refusal) record in its log: `epoch/lane/seq`.
  package var record: String

  package init(
    kind: String, at: String, session: String?, statement: Int?, principal: String?,
    principalKind: String?, groups: [String], actors: [ActorInfo], connection: String?,
    database: String?, databaseRole: String?, agent: String, clientAddress: String?,
    applicationName: String?, sql: String?, digest: String?, parameters: [ParameterInfo],
    outcome: String, sqlstate: String?, message: String?, reason: String?, commandTag: String?,
    rows: Int?, serverMilliseconds: Double?, totalMilliseconds: Double?, rule: String?,
    bundleVersion: Int?, record: String
  ) {
    self.kind = kind
    self.at = at
    self.session = session
    self.statement = statement
    self.principal = principal
    self.principalKind = principalKind
    self.groups = groups
    self.actors = actors
    self.connection = connection
    self.database = database
    self.databaseRole = databaseRole
    self.agent = agent
    self.clientAddress = clientAddress
    self.applicationName = applicationName
    self.sql = sql
    self.digest = digest
    self.parameters = parameters
    self.outcome = outcome
    self.sqlstate = sqlstate
    self.message = message
    self.reason = reason
    self.commandTag = commandTag
    self.rows = rows
    self.serverMilliseconds = serverMilliseconds
    self.totalMilliseconds = totalMilliseconds
    self.rule = rule
    self.bundleVersion = bundleVersion
    self.record = record
  }
}

package struct ActorInfo: Codable, Sendable, Equatable {
  package var subject: String
  package var kind: String
  package var verified: Bool
  package init(subject: String, kind: String, verified: Bool) {
    self.subject = subject
    self.kind = kind
    self.verified = verified
  }
}

package struct ParameterInfo: Codable, Sendable, Equatable {
  package var typeOID: Int
  /// The text form; absent for NULL and for binary that is not decoded.
  package var text: String?
  /// Base64 of a binary value that is not decoded.
  package var binary: String?
  package init(typeOID: Int, text: String?, binary: String?) {
    self.typeOID = typeOID
    self.text = text
    self.binary = binary
  }
}

package struct SessionInfo: Codable, Sendable, Equatable {
  package var id: String
  package var openedAt: String
  /// Absent while the session lives, or when its end is not known yet.
  package var closedAt: String?
  package var closeReason: String?
  package var principal: String
  package var principalKind: String
  package var groups: [String]
  package var connection: String
  package var database: String
  package var databaseRole: String
  package var agent: String
  package var clientAddress: String
  package var applicationName: String?
  package var statements: Int

  package init(
    id: String, openedAt: String, closedAt: String?, closeReason: String?, principal: String,
    principalKind: String, groups: [String], connection: String, database: String,
    databaseRole: String, agent: String, clientAddress: String, applicationName: String?,
    statements: Int
  ) {
    self.id = id
    self.openedAt = openedAt
    self.closedAt = closedAt
    self.closeReason = closeReason
    self.principal = principal
    self.principalKind = principalKind
    self.groups = groups
    self.connection = connection
    self.database = database
    self.databaseRole = databaseRole
    self.agent = agent
    self.clientAddress = clientAddress
    self.applicationName = applicationName
    self.statements = statements
  }
}

/// A session of one agent with what happened in it.
package struct SessionDetail: Codable, Sendable, Equatable {
  package var session: SessionInfo
  /// Oldest first, at most 1000; more through ``StatementFilter/session``.
  package var statements: [StatementInfo]
  package init(session: SessionInfo, statements: [StatementInfo]) {
    self.session = session
    self.statements = statements
  }
}
