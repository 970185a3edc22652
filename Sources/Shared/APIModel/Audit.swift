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
  /// The commands in the text, such as `DELETE` or `DROP TABLE`; absent until the text is analysed,
  /// and where it cannot be. So are the tables, as the text names them, and the effects.
  package var commands: [String]?
  package var tables: [String]?
  package var effects: [String]?
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
  /// The policy document of ``rule``.
  package var policy: String?
  /// Of a refusal: SHA-256 of the bundle that was judged by, hexadecimal.
  package var bundleHash: String?
  /// Rules and grants that only observe, with what they would have decided; absent for none.
  package var observed: [ObservedInfo]?
  /// `true` where the control plane no longer vouched for the policy that it was judged by; absent
  /// otherwise.
  package var policyStale: Bool?
  /// The place of the begin (or refusal) record in its log: `epoch/lane/seq`.
  package var record: String

  package init(
    kind: String, at: String, session: String?, statement: Int?, principal: String?,
    principalKind: String?, groups: [String], actors: [ActorInfo], connection: String?,
    database: String?, databaseRole: String?, agent: String, clientAddress: String?,
    applicationName: String?, sql: String?, digest: String?, commands: [String]? = nil,
    tables: [String]? = nil, effects: [String]? = nil, parameters: [ParameterInfo], outcome: String,
    sqlstate: String?, message: String?, reason: String?, commandTag: String?,
    rows: Int?, serverMilliseconds: Double?, totalMilliseconds: Double?, rule: String?,
    bundleVersion: Int?, policy: String? = nil, bundleHash: String? = nil,
    observed: [ObservedInfo]? = nil, policyStale: Bool? = nil, record: String
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
    self.commands = commands
    self.tables = tables
    self.effects = effects
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
    self.policy = policy
    self.bundleHash = bundleHash
    self.observed = observed
    self.policyStale = policyStale
    self.record = record
  }
}

/// A rule or grant that only observes.
package struct ObservedInfo: Codable, Sendable, Equatable {
  package var policy: String
  package var rule: String
  /// What it would have done: `allow`, `deny`, `hold` or `mask`.
  package var verdict: String
  package init(policy: String, rule: String, verdict: String) {
    self.policy = policy
    self.rule = rule
    self.verdict = verdict
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
