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

/// Who really stood behind a session, and over what it went.
package struct SessionCircumstances: Codable, Sendable, Equatable {
  /// The current actor first, the root principal last.
  package var actors: [ActorInfo]
  package var issuer: String
  package var displayName: String?
  package var tokenID: String
  package var segment: String
  package var clientTLS: String?
  package var serverAddress: String?
  package var serverTLS: String?
  /// The grant that let it in.
  package var grant: String
  package var bundleVersion: Int
  /// What the client or server was told at the end.
  package var closeMessage: String?
  /// The log of its agent that has its records: `epoch/lane`.
  package var log: String
  /// The policy document of ``grant``.
  package var policy: String?
  /// `true` where the control plane no longer vouched for the policy as the session opened; absent
  /// otherwise.
  package var policyStale: Bool?
  /// `true` where no grant of the session had an effect beyond reading, so that the server was
  /// asked to let it write nothing; absent otherwise.
  package var readOnly: Bool?

  package init(
    actors: [ActorInfo], issuer: String, displayName: String?, tokenID: String, segment: String,
    clientTLS: String?, serverAddress: String?, serverTLS: String?, grant: String,
    bundleVersion: Int, closeMessage: String?, log: String, policy: String? = nil,
    policyStale: Bool? = nil, readOnly: Bool? = nil
  ) {
    self.actors = actors
    self.issuer = issuer
    self.displayName = displayName
    self.tokenID = tokenID
    self.segment = segment
    self.clientTLS = clientTLS
    self.serverAddress = serverAddress
    self.serverTLS = serverTLS
    self.grant = grant
    self.bundleVersion = bundleVersion
    self.closeMessage = closeMessage
    self.log = log
    self.policy = policy
    self.policyStale = policyStale
    self.readOnly = readOnly
  }
}

/// What happened in a session beside its statements.
package struct SessionEvent: Codable, Sendable, Equatable {
  /// `cancel`, or `loss`: records that the agent may have lost while the session was open.
  package var kind: String
  package var at: String
  /// The statement that a cancel struck.
  package var statement: Int?
  /// Where a cancel came from.
  package var clientAddress: String?
  /// Why records were lost.
  package var reason: String?
  /// The most records that were lost.
  package var lostAtMost: Int?
  /// Between when the lost records were written.
  package var from: String?
  package var to: String?
  /// The place of the record in its log: `epoch/lane/seq`.
  package var record: String

  package init(
    kind: String, at: String, statement: Int? = nil, clientAddress: String? = nil,
    reason: String? = nil, lostAtMost: Int? = nil, from: String? = nil, to: String? = nil,
    record: String
  ) {
    self.kind = kind
    self.at = at
    self.statement = statement
    self.clientAddress = clientAddress
    self.reason = reason
    self.lostAtMost = lostAtMost
    self.from = from
    self.to = to
    self.record = record
  }
}

/// A session of one agent with what happened in it.
package struct SessionDetail: Codable, Sendable, Equatable {
  package var session: SessionInfo
  /// Absent on pages after the first.
  package var circumstances: SessionCircumstances?
  /// A page of them as they were numbered.
  package var statements: [StatementInfo]
  /// Refusals in the session that are of no statement, oldest first, at most 1000; on the first
  /// page only.
  package var refusals: [StatementInfo]
  /// Oldest first, at most 1000; on the first page only.
  package var events: [SessionEvent]
  /// Where there are more statements: ask again with it and the agent's whole id.
  package var nextCursor: String?

  package init(
    session: SessionInfo, circumstances: SessionCircumstances? = nil, statements: [StatementInfo],
    refusals: [StatementInfo] = [], events: [SessionEvent] = [], nextCursor: String? = nil
  ) {
    self.session = session
    self.circumstances = circumstances
    self.statements = statements
    self.refusals = refusals
    self.events = events
    self.nextCursor = nextCursor
  }
}
