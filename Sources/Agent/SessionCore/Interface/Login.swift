package import GatewayModel
package import PostgresWire

/// What a client asks for and the token it brings; to be judged by the shell.
package struct LoginRequest: Equatable, Sendable {
  /// The connection's name: the startup parameter `database`, or the user name without one.
  package var connection: String
  /// The startup parameter `user`: the database role wanted.
  package var requestedRole: String
  /// As the client asserts it; never used to authorise.
  package var applicationName: String
  package var token: Secret

  package init(
    connection: String, requestedRole: String, applicationName: String, token: Secret
  ) {
    self.connection = connection
    self.requestedRole = requestedRole
    self.applicationName = applicationName
    self.token = token
  }
}

/// The shell's answer to a ``LoginRequest``.
package enum LoginVerdict: Sendable {
  case granted(LoginGrant, ServerCredential)
  case refused(LoginRefusal)
}

/// Who may enter, where, and until when.
package struct LoginGrant: Equatable, Sendable {
  package var principal: Principal
  package var actors: ActorChain
  package var tokenID: String
  /// For the record.
  package var tokenExpiresUnixSeconds: UInt64
  /// When the token stops being good, on the clock of ``SessionCore/handle(_:at:)``.
  package var expiry: MonotonicTime
  package var connection: Connection
  /// The database role of the session, on the server leg.
  package var role: String
  /// The name of the grant that let the session in.
  package var grantName: String
  package var bundleVersion: UInt64
  /// SHA-256 of the bundle's payload.
  package var bundleHash: [UInt8]
  /// The policy document of the grant.
  package var policyName = ""
  /// What the server leg begins with, in place of what the client asks for.
  package var serverSettings: [ServerSetting] = []
  /// Whether the server is asked to make transactions read-only.
  package var isReadOnly = false
  /// The grant's bounds; those of ``SessionLimits`` hold beside them.
  package var idleTimeout: Duration?
  package var maximumStatementBytes: Int?
  /// How many sessions the principal may have by this grant at once.
  package var maximumSessions: Int?

  package init(
    principal: Principal, actors: ActorChain, tokenID: String, tokenExpiresUnixSeconds: UInt64,
    expiry: MonotonicTime, connection: Connection, role: String, grantName: String,
    bundleVersion: UInt64, bundleHash: [UInt8]
  ) {
    self.principal = principal
    self.actors = actors
    self.tokenID = tokenID
    self.tokenExpiresUnixSeconds = tokenExpiresUnixSeconds
    self.expiry = expiry
    self.connection = connection
    self.role = role
    self.grantName = grantName
    self.bundleVersion = bundleVersion
    self.bundleHash = bundleHash
  }
}

/// A setting that the server leg begins with.
package struct ServerSetting: Hashable, Sendable {
  /// In small letters.
  package var name: String
  package var value: String

  package init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

/// What the agent shows the server to log in as the granted role.
package struct ServerCredential: Sendable {
  /// `nil` where the server asks for none (a client certificate, `trust`).
  package var password: Secret?
  /// What the leg's TLS handshake shows a server that asks; the session itself makes no use of it.
  package var certificate: ClientCertificate?
  /// From an earlier login with the same password (``SessionCore/scramKeys``); spares PBKDF2.
  package var cachedKeys: ScramKeys?

  package init(
    password: Secret?, certificate: ClientCertificate? = nil, cachedKeys: ScramKeys? = nil
  ) {
    self.password = password
    self.certificate = certificate
    self.cachedKeys = cachedKeys
  }
}

/// Why a login was refused, for the record; the client sees one wording for all.
package struct LoginRefusal: Equatable, Sendable {
  package var reason: ReasonCode
  /// Never a secret.
  package var detail: String
  /// What was verified before it was refused.
  package var principal: Principal?
  package var tokenID: String?

  package init(
    reason: ReasonCode, detail: String, principal: Principal? = nil, tokenID: String? = nil
  ) {
    self.reason = reason
    self.detail = detail
    self.principal = principal
    self.tokenID = tokenID
  }
}
