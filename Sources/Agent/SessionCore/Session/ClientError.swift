internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// An error of our own, as the client is shown it. Has S, V, C and M always.
struct ClientError: Equatable, Sendable {
  var severity: BackendMessage.Diagnostic.Severity = .fatal
  var sqlstate: String
  var message: String
  var detail: String?
  var hint: String?

  var bytes: ByteBuffer {
    var bytes = ByteBuffer()
    BackendMessage.Diagnostic(
      severity: severity, sqlState: sqlstate, message: message, detail: detail, hint: hint
    ).encodeError(into: &bytes)
    return bytes
  }

  /// One wording for all refused logins: who tries does not learn what exists.
  static func loginRefused(_ startup: StartupParameters) -> ClientError {
    ClientError(
      sqlstate: "28000",
      message: "login to connection \"\(startup.connection)\" as \"\(startup.user)\" was refused",
      hint: "Check the names of the connection and the role, and that the token given as the "
        + "password is current and meant for this connection.")
  }

  /// One wording for all failures of the server leg: what is behind the gateway stays there.
  static func serverUnavailable(_ connection: String) -> ClientError {
    ClientError(
      sqlstate: "08006",
      message: "the database of connection \"\(connection)\" is not available",
      hint: "Try again later; the cause is in the gateway's audit record.")
  }

  /// The server went away without a last word.
  static let serverLost = ClientError(
    sqlstate: "08006", message: "the server closed the connection unexpectedly",
    hint: "Connect again; what was running may or may not have been done.")

  init(
    severity: BackendMessage.Diagnostic.Severity = .fatal, sqlstate: String, message: String,
    detail: String? = nil, hint: String? = nil
  ) {
    self.severity = severity
    self.sqlstate = sqlstate
    self.message = message
    self.detail = detail
    self.hint = hint
  }

  init(_ refusal: StatementRefusal) {
    self.init(
      severity: .error, sqlstate: refusal.sqlstate, message: refusal.message,
      detail: refusal.detail.isEmpty ? nil : refusal.detail, hint: refusal.hint)
  }

  /// The session was silent for too long; the wordings are the server's.
  static func idle(inTransaction: Bool) -> ClientError {
    inTransaction
      ? ClientError(
        sqlstate: "25P03",
        message: "terminating connection due to idle-in-transaction timeout")
      : ClientError(
        sqlstate: "57P05", message: "terminating connection due to idle-session timeout")
  }

  /// The session ends for this reason.
  init(ending reason: ReasonCode) {
    switch reason {
    case .tokenExpired:
      self.init(
        sqlstate: "57P01", message: "terminating connection because its token has expired",
        hint: "Get a new token and connect again.")
    case .sessionKilled:
      self.init(
        sqlstate: "57P01", message: "terminating connection due to administrator command")
    case .grantRevoked:
      self.init(
        sqlstate: "57P01", message: "terminating connection because its permission was revoked",
        hint: "Ask for a grant to this connection.")
    case .agentRemoved:
      self.init(
        sqlstate: "57P01", message: "terminating connection because this gateway was removed",
        hint: "Ask the administrator for another gateway.")
    case .shutdown:
      self.init(
        sqlstate: "57P01", message: "terminating connection because the gateway shuts down",
        hint: "Connect again.")
    case .protectedSetting:
      self.init(
        sqlstate: "57P01",
        message: "terminating connection because a protected setting was changed",
        hint: "Leave client_encoding at UTF8 and standard_conforming_strings on.")
    case .recordLogUnavailable:
      self.init(
        sqlstate: "58030", message: "terminating connection because it cannot be recorded",
        hint: "Try again later; the gateway's health page says what is wrong.")
    case .serverProtocol:
      self.init(
        sqlstate: "08006",
        message: "terminating connection because the server broke the protocol",
        hint: "Connect again; the cause is in the gateway's audit record.")
    case .tooManySessions:
      self.init(
        sqlstate: "53300", message: "sorry, too many clients already",
        hint: "Close sessions that are not needed, or try again later.")
    case .handshakeTimeout:
      self.init(sqlstate: "57014", message: "canceling authentication due to timeout")
    default:
      self.init(sqlstate: "57P01", message: "terminating connection: \(reason.rawValue)")
    }
  }
}
