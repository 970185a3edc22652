package import GatewayModel

/// What a session may do whatever its statements say: the connection's own settings. What texts are
/// judged by is behind ``StatementJudge``.
package struct StatementPolicy: Hashable, Sendable {
  /// Whether the function call protocol (large objects through `lo_*` of libpq) may pass; a
  /// granted connection can allow it too.
  package var allowsFunctionCalls = false
  /// The most rows that one execution may return; any number when absent.
  package var maximumRows: Int?
  /// Whether a statement's begin has to be on the medium before the statement takes effect, and
  /// before its rows are shown.
  package var isPowerSafe = false

  package init() {}

  /// Takes what a granted connection allows and limits.
  package mutating func take(_ connection: Connection) {
    if connection.allowsFunctionCalls == true { allowsFunctionCalls = true }
    if connection.durability == .powerSafe { isPowerSafe = true }
    guard let rows = connection.maximumRows else { return }
    maximumRows = min(maximumRows ?? rows, rows)
  }

  /// The verdict on a FunctionCall, whose function no text names.
  var verdictOnFunctionCall: StatementVerdict {
    guard !allowsFunctionCalls else { return .allow }
    return .refuse(
      StatementRefusal(
        reason: .unsupported, sqlstate: "0A000",
        message: "function calls through the fast-path protocol are not allowed here",
        hint: "Call the function in a SQL statement, or have the connection allow it.",
        detail: "It was called by a FunctionCall message."))
  }
}

/// What is to be done with a statement.
package enum StatementVerdict: Hashable, Sendable {
  case allow
  case refuse(StatementRefusal)
}

/// Why a statement does not reach the server, and what the client is told.
package struct StatementRefusal: Hashable, Sendable {
  package var reason: ReasonCode
  package var sqlstate: String
  package var message: String
  package var hint: String
  /// What exactly was refused, and by which rule: for the record and the client.
  package var detail: String
  /// The rule of the policy, where one refused.
  package var rule = PolicyRuleName()

  package init(
    reason: ReasonCode, sqlstate: String, message: String, hint: String, detail: String
  ) {
    self.reason = reason
    self.sqlstate = sqlstate
    self.message = message
    self.hint = hint
    self.detail = detail
  }
}
