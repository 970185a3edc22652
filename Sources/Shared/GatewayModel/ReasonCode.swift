/// Why entry or a statement was refused, as it stands in the record.
///
/// The client sees one wording for every refused login (wire.md, "Refusing"); only the record and
/// the agent's log carry the code.
package enum ReasonCode: String, Hashable, Sendable, Codable, CaseIterable {
  // Entry.
  case plaintextClient = "plaintext_client"
  case tokenMalformed = "token_malformed"
  case tokenSignature = "token_signature"
  case tokenUnknownKey = "token_unknown_key"
  case tokenExpired = "token_expired"
  case tokenNotYetValid = "token_not_yet_valid"
  case tokenIssuer = "token_issuer"
  case tokenAudience = "token_audience"
  case noSuchConnection = "no_such_connection"
  case noGrant = "no_grant"
  case roleNotGranted = "role_not_granted"
  case noBundle = "no_bundle"
  case bundleExpired = "bundle_expired"
  /// The control plane has not vouched for the policy for too long.
  case policyStale = "policy_stale"
  /// An administrator has removed the agent; also ends sessions.
  case agentRemoved = "agent_removed"
  case credentialMissing = "credential_missing"
  case startupParameter = "startup_parameter"
  case unsupportedProtocol = "unsupported_protocol"
  case protocolViolation = "protocol_violation"
  case tooManySessions = "too_many_sessions"
  case handshakeTimeout = "handshake_timeout"
  /// Stands for refused logins that were counted and not recorded one by one.
  case refusalsLeftOut = "refusals_left_out"
  // The server leg.
  case serverUnreachable = "server_unreachable"
  case serverTLS = "server_tls"
  case serverAuthentication = "server_authentication"
  case serverProtocol = "server_protocol"
  // Statements.
  case unsupported = "unsupported"
  case tooLarge = "too_large"
  case protectedSetting = "protected_setting"
  case policy = "policy"
  /// A result has more rows than its connection allows.
  case rowLimit = "row_limit"
  // The end of a session.
  case sessionKilled = "session_killed"
  case grantRevoked = "grant_revoked"
  case idleTimeout = "idle_timeout"
  case recordLogUnavailable = "record_log_unavailable"
  case shutdown = "shutdown"
}
