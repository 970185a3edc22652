import GatewayModel

/// One bound parameter of an execution.
package struct BoundParameter: Hashable, Sendable {
  package enum Value: Hashable, Sendable {
    case null
    /// The text form, as the server would print it.
    case text(String)
    /// Binary of a type that is not decoded, or text that is not UTF-8.
    case binary([UInt8])
  }

  /// The type's oid; 0 where neither the client nor the server named it.
  package var typeOID: UInt32
  package var value: Value

  package init(typeOID: UInt32, value: Value) {
    self.typeOID = typeOID
    self.value = value
  }
}

/// `statement.begin`: a statement that is about to be forwarded.
package struct StatementBeginRecord: RecordBody {
  package static var kind: RecordKind { .statementBegin }

  /// The raw values are those of the protobuf enumeration.
  package enum WireProtocol: UInt32, Hashable, Sendable {
    case simple = 1
    case extended = 2
    case functionCall = 3
  }

  /// What the record survives (audit.md, "What recorded survives").
  package enum Durability: UInt32, Hashable, Sendable {
    case crashSafe = 1
    case powerSafe = 2
  }

  package var statement: StatementID
  package var digest: StatementDigest
  package var wireProtocol: WireProtocol
  package var parameters: [BoundParameter]
  /// As the last ReadyForQuery said: `I`, `T` or `E`.
  package var transactionStatus: String
  package var preparedStatement: String
  package var portal: String
  /// The row limit of Execute; 0 is none.
  package var rowLimit: UInt32
  /// The grant or rule that allowed it.
  package var rule: String
  package var bundleVersion: UInt64
  package var durability: Durability
  /// The policy document of ``rule``.
  package var policy = ""
  /// As in ``SessionOpenRecord/isPolicyStale``, at the time of the statement.
  package var isPolicyStale = false
  /// What rules in observe mode would have decided.
  package var observed: [ObservedDecision] = []

  package init(
    statement: StatementID, digest: StatementDigest, wireProtocol: WireProtocol,
    parameters: [BoundParameter] = [], transactionStatus: String, preparedStatement: String = "",
    portal: String = "", rowLimit: UInt32 = 0, rule: String, bundleVersion: UInt64,
    durability: Durability = .crashSafe
  ) {
    self.statement = statement
    self.digest = digest
    self.wireProtocol = wireProtocol
    self.parameters = parameters
    self.transactionStatus = transactionStatus
    self.preparedStatement = preparedStatement
    self.portal = portal
    self.rowLimit = rowLimit
    self.rule = rule
    self.bundleVersion = bundleVersion
    self.durability = durability
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.varint(1, statement.rawValue)
    fields.digest(2, digest)
    fields.varint(3, wireProtocol.rawValue)
    for parameter in parameters {
      fields.message(4) { fields in
        fields.varint(1, parameter.typeOID)
        switch parameter.value {
        case .null: fields.bool(2, true)
        case .text(let text): fields.element(3, text)
        case .binary(let bytes): fields.element(4, bytes)
        }
      }
    }
    fields.string(5, transactionStatus)
    fields.string(6, preparedStatement)
    fields.string(7, portal)
    fields.varint(8, rowLimit)
    fields.string(9, rule)
    fields.varint(10, bundleVersion)
    fields.varint(11, durability.rawValue)
    fields.string(12, policy)
    fields.bool(13, isPolicyStale)
    for rule in observed {
      fields.message(14) { fields in
        fields.string(1, rule.policy)
        fields.string(2, rule.rule)
        fields.string(3, rule.verdict)
      }
    }
  }
}

/// `statement.end`: the outcome of a statement whose begin is in the same log.
package struct StatementEndRecord: RecordBody {
  package static var kind: RecordKind { .statementEnd }

  /// The raw values are those of the protobuf enumeration.
  package enum Outcome: UInt32, Hashable, Sendable, CaseIterable {
    case completed = 1
    /// The server answered with an error.
    case failed = 2
    /// A row limit was reached; a later Execute of the portal goes on.
    case suspended = 3
    /// Discarded by the server because an earlier message of the pipeline failed.
    case skipped = 4
    /// The server leg ended before the outcome was known.
    case unknown = 5
    /// Refused by Sallyport; a refusal record says why.
    case refused = 6

    /// How the outcome is named to auditors.
    package var name: String {
      switch self {
      case .completed: "completed"
      case .failed: "failed"
      case .suspended: "suspended"
      case .skipped: "skipped"
      case .unknown: "unknown"
      case .refused: "refused"
      }
    }
  }

  package var statement: StatementID
  package var outcome: Outcome
  /// Empty when the statement did not fail.
  package var sqlstate: String
  package var message: String
  /// Of the last completed command; a multi-statement Query has several.
  package var commandTag: String
  /// Rows returned or affected, summed over the commands.
  package var rows: UInt64
  /// Bytes of the result on the server leg.
  package var bytes: UInt64
  package var commands: UInt32
  /// From the forwarded statement to its last reply.
  package var serverNanoseconds: UInt64
  package var totalNanoseconds: UInt64
  package var holdNanoseconds: UInt64

  package init(
    statement: StatementID, outcome: Outcome, sqlstate: String = "", message: String = "",
    commandTag: String = "", rows: UInt64 = 0, bytes: UInt64 = 0, commands: UInt32 = 0,
    serverNanoseconds: UInt64 = 0, totalNanoseconds: UInt64 = 0, holdNanoseconds: UInt64 = 0
  ) {
    self.statement = statement
    self.outcome = outcome
    self.sqlstate = sqlstate
    self.message = message
    self.commandTag = commandTag
    self.rows = rows
    self.bytes = bytes
    self.commands = commands
    self.serverNanoseconds = serverNanoseconds
    self.totalNanoseconds = totalNanoseconds
    self.holdNanoseconds = holdNanoseconds
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.varint(1, statement.rawValue)
    fields.varint(2, outcome.rawValue)
    fields.string(3, sqlstate)
    fields.string(4, message)
    fields.string(5, commandTag)
    fields.varint(6, rows)
    fields.varint(7, bytes)
    fields.varint(8, commands)
    fields.varint(9, serverNanoseconds)
    fields.varint(10, totalNanoseconds)
    fields.varint(11, holdNanoseconds)
  }
}

/// `cancel`: a CancelRequest reached the agent.
package struct CancelRecord: RecordBody {
  package static var kind: RecordKind { .cancel }

  /// Whether the key named a living session.
  package var matched: Bool
  package var clientAddress: String
  /// The statement that ran at that moment; `nil` when none did.
  package var statement: StatementID?
  /// How many cancels the record stands for that came faster than they are recorded one by one; 0
  /// in the record of one cancel.
  package var leftOut: UInt64

  package init(
    matched: Bool, clientAddress: String, statement: StatementID? = nil, leftOut: UInt64 = 0
  ) {
    self.matched = matched
    self.clientAddress = clientAddress
    self.statement = statement
    self.leftOut = leftOut
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.bool(1, matched)
    fields.string(2, clientAddress)
    fields.varint(3, statement?.rawValue ?? 0)
    fields.varint(4, leftOut)
  }
}
