internal import GatewayModel

/// A statement or a refusal as `sallyport.statement` and `sallyport.pending_statement` hold it.
struct StatementRow: Sendable, Equatable {
  /// The log and the seq of the begin or refusal record.
  var log: LogID
  var seq: UInt64
  var endSeq: UInt64?
  /// The batch in which it was settled, and its place in that batch.
  var position: Int64 = 0
  var ordinal: Int64 = 0
  var receivedAt = WallTime(unixNanoseconds: 0)
  /// `statement`, or `refusal` when it or an entry was refused.
  var kind: String
  var at: WallTime
  var endedAt: WallTime?
  var session: Identifier128?
  var statement: UInt64?
  var principal: String?
  var principalKind: String?
  var groups: [String]?
  var connection: String?
  var databaseRole: String?
  var clientAddress: String?
  var applicationName: String?
  var digest: [UInt8]?
  /// JSON of an array of `ParameterInfo`; `nil` for none.
  var parameters: String?
  var wireProtocol: String?
  var transactionStatus: String?
  var rule: String?
  var bundleVersion: UInt64?
  /// The document of ``rule``.
  var policy: String?
  /// Of a refusal: SHA-256 of the bundle that was judged by.
  var bundleHash: [UInt8]?
  /// JSON of an array of `ObservedInfo`; `nil` for none.
  var observed: String?
  /// Whether the control plane no longer vouched for the policy.
  var isPolicyStale = false
  var outcome = "unknown"
  var reason: String?
  var sqlstate: String?
  var message: String?
  var commandTag: String?
  var rows: UInt64?
  var resultBytes: UInt64?
  var serverNanoseconds: UInt64?
  var totalNanoseconds: UInt64?

  init(log: LogID, seq: UInt64, kind: String, at: WallTime) {
    self.log = log
    self.seq = seq
    self.kind = kind
    self.at = at
  }

  /// The columns in the order of ``values`` and ``init(reading:)``.
  static let columns = """
    agent, epoch, lane, seq, end_seq, position, ordinal, received_at, kind, at, ended_at, session,
    statement, principal, principal_kind, groups, connection, database_role, client_address,
    application_name, digest, parameters, protocol, transaction_status, rule, bundle_version,
    outcome, reason, sqlstate, message, command_tag, rows, result_bytes, server_nanoseconds,
    total_nanoseconds, policy, bundle_hash, observed, policy_stale
    """

  /// The names of ``columns``, one by one.
  static let columnNames = columns.split { ", \n".contains($0) }.map(String.init)

  var values: [SQLValue] {
    [
      .identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane)), .number(seq),
      .optional(endSeq), .integer(position), .integer(ordinal), .time(receivedAt), .text(kind),
      .time(at), .optional(endedAt), .optional(session), .optional(statement),
      .optional(principal), .optional(principalKind), groups.map(SQLValue.texts) ?? .null,
      .optional(connection), .optional(databaseRole), .optional(clientAddress),
      .optional(applicationName), .optional(digest), parameters.map(SQLValue.json) ?? .null,
      .optional(wireProtocol), .optional(transactionStatus), .optional(rule),
      .optional(bundleVersion), .text(outcome), .optional(reason), .optional(sqlstate),
      .optional(message), .optional(commandTag), .optional(rows), .optional(resultBytes),
      .optional(serverNanoseconds), .optional(totalNanoseconds), .optional(policy),
      .optional(bundleHash), observed.map(SQLValue.json) ?? .null,
      isPolicyStale ? .bool(true) : .null,
    ]
  }

  init(reading row: inout RowReader) throws(PostgresError) {
    let agent = AgentID(try row.identifier())
    let epoch = try row.unsigned()
    log = LogID(agent: agent, epoch: epoch, lane: UInt32(clamping: try row.integer()))
    seq = try row.unsigned()
    endSeq = try row.optionalUnsigned()
    position = try row.integer()
    ordinal = try row.integer()
    receivedAt = try row.time()
    kind = try row.text()
    at = try row.time()
    endedAt = try row.optionalTime()
    session = try row.optionalIdentifier()
    statement = try row.optionalUnsigned()
    principal = try row.optionalText()
    principalKind = try row.optionalText()
    groups = try row.optionalTexts()
    connection = try row.optionalText()
    databaseRole = try row.optionalText()
    clientAddress = try row.optionalText()
    applicationName = try row.optionalText()
    digest = try row.optionalBytes()
    parameters = try row.optionalJSON().map { String(decoding: $0, as: UTF8.self) }
    wireProtocol = try row.optionalText()
    transactionStatus = try row.optionalText()
    rule = try row.optionalText()
    bundleVersion = try row.optionalUnsigned()
    outcome = try row.text()
    reason = try row.optionalText()
    sqlstate = try row.optionalText()
    message = try row.optionalText()
    commandTag = try row.optionalText()
    rows = try row.optionalUnsigned()
    resultBytes = try row.optionalUnsigned()
    serverNanoseconds = try row.optionalUnsigned()
    totalNanoseconds = try row.optionalUnsigned()
    policy = try row.optionalText()
    bundleHash = try row.optionalBytes()
    observed = try row.optionalJSON().map { String(decoding: $0, as: UTF8.self) }
    isPolicyStale = try row.optionalBool() ?? false
  }
}
