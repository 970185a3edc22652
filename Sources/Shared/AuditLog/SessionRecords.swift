import GatewayModel

/// `session.open`: a principal has been let in.
package struct SessionOpenRecord: RecordBody {
  package static var kind: RecordKind { .sessionOpen }

  package var principal: Principal
  package var tokenID: String
  package var actors: ActorChain
  /// The name of the connection.
  package var connection: String
  package var connectionID: Identifier128?
  /// The database at the server.
  package var database: String
  package var databaseRole: String
  package var segment: String
  package var clientAddress: String
  /// Protocol and cipher of the client leg; empty for plaintext.
  package var clientTLS: String
  package var serverAddress: String
  package var serverTLS: String
  /// As the client asserts it; never used to authorise.
  package var applicationName: String
  /// The grant that let the session in.
  package var grant: String
  package var bundleVersion: UInt64
  /// SHA-256 of the bundle's payload.
  package var bundleHash: [UInt8]
  /// Seconds since 1970-01-01 00:00:00 UTC; 0 when the token does not expire.
  package var tokenExpiresUnixSeconds: UInt64
  /// The policy document of the grant.
  package var policy = ""
  /// Whether the lease of the bundle had run out: newer policy may have been withheld.
  package var isPolicyStale = false
  /// Whether the server was asked to make transactions read-only.
  package var isReadOnly = false

  package init(
    principal: Principal, tokenID: String, actors: ActorChain, connection: String,
    connectionID: Identifier128?, database: String, databaseRole: String, segment: String,
    clientAddress: String, clientTLS: String = "", serverAddress: String = "",
    serverTLS: String = "", applicationName: String = "", grant: String, bundleVersion: UInt64,
    bundleHash: [UInt8] = [], tokenExpiresUnixSeconds: UInt64 = 0
  ) {
    self.principal = principal
    self.tokenID = tokenID
    self.actors = actors
    self.connection = connection
    self.connectionID = connectionID
    self.database = database
    self.databaseRole = databaseRole
    self.segment = segment
    self.clientAddress = clientAddress
    self.clientTLS = clientTLS
    self.serverAddress = serverAddress
    self.serverTLS = serverTLS
    self.applicationName = applicationName
    self.grant = grant
    self.bundleVersion = bundleVersion
    self.bundleHash = bundleHash
    self.tokenExpiresUnixSeconds = tokenExpiresUnixSeconds
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.string(1, principal.issuer)
    fields.string(2, principal.subject)
    fields.string(3, principal.displayName)
    for group in principal.groups { fields.element(4, group) }
    fields.string(5, principal.kind.rawValue)
    fields.string(6, tokenID)
    for actor in actors.actors {
      fields.message(7) { fields in
        fields.string(1, actor.subject)
        fields.string(2, actor.kind.rawValue)
        fields.bool(3, actor.verified)
      }
    }
    fields.string(8, connection)
    if let connectionID { fields.identifier(9, connectionID) }
    fields.string(10, database)
    fields.string(11, databaseRole)
    fields.string(12, segment)
    fields.string(13, clientAddress)
    fields.string(14, clientTLS)
    fields.string(15, serverAddress)
    fields.string(16, serverTLS)
    fields.string(17, applicationName)
    fields.string(18, grant)
    fields.varint(19, bundleVersion)
    fields.bytes(20, bundleHash)
    fields.fixed64(21, tokenExpiresUnixSeconds)
    fields.string(22, policy)
    fields.bool(23, isPolicyStale)
    fields.bool(24, isReadOnly)
  }
}

/// `session.close`: a session has ended.
package struct SessionCloseRecord: RecordBody {
  package static var kind: RecordKind { .sessionClose }

  /// A reason code (`ReasonCode`), or `client_terminated`, `client_closed`, `server_closed`.
  package var reason: String
  package var sqlstate: String
  package var statements: UInt64
  package var clientBytes: UInt64
  package var serverBytes: UInt64
  package var durationNanoseconds: UInt64
  package var message: String

  package init(
    reason: String, sqlstate: String = "", statements: UInt64, clientBytes: UInt64 = 0,
    serverBytes: UInt64 = 0, durationNanoseconds: UInt64 = 0, message: String = ""
  ) {
    self.reason = reason
    self.sqlstate = sqlstate
    self.statements = statements
    self.clientBytes = clientBytes
    self.serverBytes = serverBytes
    self.durationNanoseconds = durationNanoseconds
    self.message = message
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.string(1, reason)
    fields.string(2, sqlstate)
    fields.varint(3, statements)
    fields.varint(4, clientBytes)
    fields.varint(5, serverBytes)
    fields.varint(6, durationNanoseconds)
    fields.string(7, message)
  }
}

/// `refusal`: entry or a statement was refused.
package struct RefusalRecord: RecordBody {
  package static var kind: RecordKind { .refusal }

  /// A reason code (`ReasonCode`).
  package var reason: String
  /// What exactly was wrong; never a secret.
  package var detail: String
  package var sqlstate: String
  /// What the client was told.
  package var message: String
  /// `nil` when entry was refused.
  package var statement: StatementID?
  package var digest: StatementDigest?
  // Of a refused entry: what was verified, as far as it was.
  package var subject: String
  package var tokenID: String
  package var connection: String
  package var databaseRole: String
  package var clientAddress: String
  package var applicationName: String
  package var groups: [String]
  package var principalKind: Principal.Kind?
  /// How many refusals the record stands for, of ``subject`` where there is one; 0 in the record of
  /// one refusal.
  package var leftOut: UInt64
  /// Of a refusal by policy: the document, and its rule; no rule where nothing allowed it.
  package var policy = ""
  package var rule = ""
  /// Of the bundle that was judged by; 0 where none was.
  package var bundleVersion: UInt64 = 0
  /// SHA-256 of the bundle's payload.
  package var bundleHash: [UInt8] = []

  package init(
    reason: String, detail: String = "", sqlstate: String = "", message: String = "",
    statement: StatementID? = nil, digest: StatementDigest? = nil, subject: String = "",
    tokenID: String = "", connection: String = "", databaseRole: String = "",
    clientAddress: String = "", applicationName: String = "", groups: [String] = [],
    principalKind: Principal.Kind? = nil, leftOut: UInt64 = 0
  ) {
    self.reason = reason
    self.detail = detail
    self.sqlstate = sqlstate
    self.message = message
    self.statement = statement
    self.digest = digest
    self.subject = subject
    self.tokenID = tokenID
    self.connection = connection
    self.databaseRole = databaseRole
    self.clientAddress = clientAddress
    self.applicationName = applicationName
    self.groups = groups
    self.principalKind = principalKind
    self.leftOut = leftOut
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.string(1, reason)
    fields.string(2, detail)
    fields.string(3, sqlstate)
    fields.string(4, message)
    fields.varint(5, statement?.rawValue ?? 0)
    fields.digest(6, digest)
    fields.string(7, subject)
    fields.string(8, tokenID)
    fields.string(9, connection)
    fields.string(10, databaseRole)
    fields.string(11, clientAddress)
    fields.string(12, applicationName)
    for group in groups { fields.element(13, group) }
    fields.string(14, principalKind?.rawValue)
    fields.varint(15, leftOut)
    fields.string(16, policy)
    fields.string(17, rule)
    fields.varint(18, bundleVersion)
    fields.bytes(19, bundleHash)
  }
}
