package import GatewayModel
package import NIOCore

/// Something to be recorded; the shell adds the session's id, wall-clock time and addresses.
package enum AuditEvent: Equatable, Sendable {
  /// Before the first byte goes to the server leg.
  indirect case sessionOpen(SessionOpened)
  /// Before the statement goes to the server leg.
  case statementBegin(StatementBegun)
  /// Exactly one for each begin, at the latest right before ``sessionClose(_:)``.
  case statementEnd(StatementEnded)
  indirect case refusal(Refused)
  /// Last record of a session that has a ``sessionOpen(_:)``.
  indirect case sessionClose(SessionClosed)
}

/// A session whose login was granted and whose server leg is open.
package struct SessionOpened: Equatable, Sendable {
  package var grant: LoginGrant
  /// As the client asserts it; empty when it named none.
  package var applicationName: String

  package init(grant: LoginGrant, applicationName: String) {
    self.grant = grant
    self.applicationName = applicationName
  }
}

/// One execution that is about to be forwarded (or was refused, then an end follows at once).
package struct StatementBegun: Equatable, Sendable {
  package enum Kind: Hashable, Sendable {
    case simple
    case extended
    case functionCall
  }

  package var statement: StatementID
  package var kind: Kind
  /// The SQL as the client sent it, without the closing zero byte; usually UTF-8. Of a function
  /// call the function's number (`pg_proc.oid`) in decimal. Empty for a text over the limit, and
  /// for an execution of something that was made by SQL (`PREPARE`, `DECLARE`).
  package var text: ByteBuffer
  /// Equal numbers in one session mean equal texts, so that a digest can be kept; 0 says nothing.
  package var textVersion: UInt64
  package var parameters: [StatementParameter]
  /// As the last ReadyForQuery said: `I`, `T` or `E`.
  package var transactionStatus: UInt8
  package var preparedStatement: String
  package var portal: String
  /// The row limit of Execute; 0 is none.
  package var rowLimit: UInt32
  /// What allowed it; empty where it was refused.
  package var rule = PolicyRuleName()
  /// What rules in observe mode would have decided.
  package var observed: [ObservedDecision] = []

  package init(
    statement: StatementID, kind: Kind, text: ByteBuffer, textVersion: UInt64 = 0,
    parameters: [StatementParameter] = [], transactionStatus: UInt8,
    preparedStatement: String = "", portal: String = "", rowLimit: UInt32 = 0
  ) {
    self.statement = statement
    self.kind = kind
    self.text = text
    self.textVersion = textVersion
    self.parameters = parameters
    self.transactionStatus = transactionStatus
    self.preparedStatement = preparedStatement
    self.portal = portal
    self.rowLimit = rowLimit
  }
}

/// One bound parameter.
package struct StatementParameter: Equatable, Sendable {
  package enum Value: Equatable, Sendable {
    case null
    /// The text form, as the client sent it or as the server would print it.
    case text(ByteBuffer)
    /// Binary of a type that is not decoded.
    case binary(ByteBuffer)
  }

  /// 0 where neither the client nor the server named the type.
  package var typeOID: UInt32
  package var value: Value

  package init(typeOID: UInt32, value: Value) {
    self.typeOID = typeOID
    self.value = value
  }

  var retainedBytes: Int {
    switch value {
    case .null: 32
    case .text(let bytes), .binary(let bytes): 32 + bytes.readableBytes
    }
  }
}

/// How an execution ended.
package struct StatementEnded: Equatable, Sendable {
  package enum Outcome: Hashable, Sendable {
    case completed
    /// The server answered with an error, to the execution or to its own Parse or Bind.
    case failed
    /// The row limit was reached; a later Execute of the portal goes on.
    case suspended
    /// Discarded by the server because an earlier message of the pipeline failed.
    case skipped
    /// The server leg ended before the outcome was known.
    case unknown
    /// Refused by Sallyport; a refusal with the same statement says why.
    case refused
  }

  package var statement: StatementID
  package var outcome: Outcome
  /// Whether the server got as far as executing it; not so when its Parse or Bind failed.
  package var wasExecuted = true
  package var sqlstate = ""
  /// The server's primary message, cut at ``SessionLimits/maximumRecordedMessageBytes``.
  package var message = ""
  /// Of the last completed command.
  package var commandTag = ""
  /// Rows returned or affected, summed over the commands.
  package var rows: UInt64 = 0
  /// Bytes of the messages that answered it on the server leg.
  package var bytes: UInt64 = 0
  /// Completed commands; a simple Query can have several.
  package var commands: UInt32 = 0
  /// From the forwarded statement to its last reply.
  package var serverNanoseconds: Int64 = 0
  package var totalNanoseconds: Int64 = 0
  package var holdNanoseconds: Int64 = 0

  package init(statement: StatementID, outcome: Outcome) {
    self.statement = statement
    self.outcome = outcome
  }
}

/// Entry or a statement was refused, or the session was ended for a cause.
package struct Refused: Equatable, Sendable {
  package var reason: ReasonCode
  /// What exactly was wrong; never a secret, never shown to the client.
  package var detail: String
  package var sqlstate: String
  /// What the client was told.
  package var message: String
  /// `nil` when entry was refused or the whole session ended.
  package var statement: StatementID?
  /// Of a refused entry: what was verified, as far as it was.
  package var principal: Principal?
  package var tokenID: String?
  /// The connection asked for.
  package var connection: String
  /// The role asked for.
  package var databaseRole: String
  package var applicationName: String
  /// Of a statement that policy refused.
  package var rule = PolicyRuleName()

  package init(
    reason: ReasonCode, detail: String, sqlstate: String, message: String,
    statement: StatementID? = nil, principal: Principal? = nil, tokenID: String? = nil,
    connection: String = "", databaseRole: String = "", applicationName: String = ""
  ) {
    self.reason = reason
    self.detail = detail
    self.sqlstate = sqlstate
    self.message = message
    self.statement = statement
    self.principal = principal
    self.tokenID = tokenID
    self.connection = connection
    self.databaseRole = databaseRole
    self.applicationName = applicationName
  }
}

/// The end of a session that was opened.
package struct SessionClosed: Equatable, Sendable {
  package enum Cause: Hashable, Sendable {
    /// The client sent Terminate.
    case clientTerminated
    case clientClosed
    case serverClosed
    case ended(ReasonCode)
  }

  package var cause: Cause
  package var sqlstate: String
  package var message: String
  /// Executions begun.
  package var statements: UInt64
  /// Bytes taken from the client leg, from the StartupMessage on.
  package var clientBytes: UInt64
  /// Bytes taken from the server leg.
  package var serverBytes: UInt64
  /// From the open client leg.
  package var durationNanoseconds: Int64

  package init(
    cause: Cause, sqlstate: String = "", message: String = "", statements: UInt64,
    clientBytes: UInt64, serverBytes: UInt64, durationNanoseconds: Int64
  ) {
    self.cause = cause
    self.sqlstate = sqlstate
    self.message = message
    self.statements = statements
    self.clientBytes = clientBytes
    self.serverBytes = serverBytes
    self.durationNanoseconds = durationNanoseconds
  }

  /// The name of the cause in the record.
  package var reason: String {
    switch cause {
    case .clientTerminated: "client_terminated"
    case .clientClosed: "client_closed"
    case .serverClosed: "server_closed"
    case .ended(let code): code.rawValue
    }
  }
}
