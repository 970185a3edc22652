import AuditRecordProto
import GatewayModel

extension RecordDecoder {
  typealias Message = Sallyport_Audit_V1_AuditRecord

  static func body(_ message: Message) throws(RecordDecodingError) -> DecodedRecord.Body {
    let seq = message.seq
    switch message.kind {
    case .sessionOpen(let open): return .sessionOpen(try sessionOpen(open, seq))
    case .sessionClose(let close): return .sessionClose(sessionClose(close))
    case .statementText(let text): return .statementText(try statementText(text, seq))
    case .statementBegin(let begin): return .statementBegin(try statementBegin(begin, seq))
    case .statementEnd(let end): return .statementEnd(try statementEnd(end, seq))
    case .refusal(let refused): return .refusal(try refusal(refused, seq))
    case .cancel(let cancel):
      return .cancel(
        CancelRecord(
          matched: cancel.matched, clientAddress: cancel.clientAddress,
          statement: statementID(cancel.statement), leftOut: cancel.leftOut))
    case .bundleApplied(let applied):
      return .bundleApplied(
        BundleAppliedRecord(version: applied.version, hash: Array(applied.hash)))
    case .bundleRejected(let rejected):
      return .bundleRejected(
        BundleRejectedRecord(
          version: rejected.version, hash: Array(rejected.hash), reason: rejected.reason,
          detail: rejected.detail))
    case .logOpen(let open): return .logOpen(try logOpen(open, seq))
    case .logClose(let close): return .logClose(LogCloseRecord(reason: close.reason))
    case .loss(let loss):
      return .loss(
        LossRecord(
          reason: loss.reason, firstLostSeq: loss.firstLostSeq, lostAtMost: loss.lostAtMost,
          from: WallTime(unixNanoseconds: Int64(bitPattern: loss.fromUnixNanoseconds)),
          to: WallTime(unixNanoseconds: Int64(bitPattern: loss.toUnixNanoseconds))))
    case .heartbeat(let beat):
      return .heartbeat(
        HeartbeatRecord(openSessions: beat.openSessions, backlogRecords: beat.backlogRecords))
    case .witnessConflict(let conflict):
      return .witnessConflict(
        WitnessConflictRecord(
          knownCheckpoint: Array(conflict.knownCheckpoint),
          offeredCheckpoint: Array(conflict.offeredCheckpoint), reason: conflict.reason))
    case .controlAct(let act):
      return .controlAct(
        ControlActRecord(
          caller: caller(act.caller), action: act.action, subject: act.subject,
          detail: act.detail, refusal: act.refusal))
    case .auditRead(let read):
      return .auditRead(
        AuditReadRecord(caller: caller(read.caller), what: read.what, question: read.question))
    case .agentsWitness(let witness): return .agentsWitness(try agentsWitness(witness, seq))
    case .retentionPrune(let prune): return .retentionPrune(try retentionPrune(prune, seq))
    case .equivocation(let found): return .equivocation(try equivocation(found, seq))
    case nil:
      throw RecordDecodingError(
        code: .unknownKind,
        message: "cannot read the audit record with seq \(seq): it has no kind that this version "
          + "knows; upgrade the control plane before the agents")
    }
  }

  private static func statementID(_ value: UInt64) -> StatementID? {
    value == 0 ? nil : StatementID(value)
  }

  private static func kind(
    _ text: String, field: String, _ seq: UInt64
  ) throws(RecordDecodingError) -> Principal.Kind {
    guard let kind = Principal.Kind(rawValue: text) else {
      throw invalid(field, "\"\(text)\" is not a kind of principal", seq)
    }
    return kind
  }

  private static func sessionOpen(
    _ open: Sallyport_Audit_V1_SessionOpen, _ seq: UInt64
  ) throws(RecordDecodingError) -> SessionOpenRecord {
    var actors: [Actor] = []
    for actor in open.actors {
      actors.append(
        Actor(
          subject: actor.subject,
          kind: try kind(actor.kind, field: "session_open.actors.kind", seq),
          verified: actor.verified))
    }
    var connectionID: Identifier128?
    if !open.connectionID.isEmpty {
      connectionID = try identifier(
        open.connectionID, field: "session_open.connection_id", seq: seq)
    }
    var record = SessionOpenRecord(
      principal: Principal(
        issuer: open.issuer, subject: open.subject,
        displayName: open.displayName.isEmpty ? nil : open.displayName, groups: open.groups,
        kind: try kind(open.kind, field: "session_open.kind", seq)),
      tokenID: open.tokenID, actors: ActorChain(actors: actors), connection: open.connection,
      connectionID: connectionID, database: open.database, databaseRole: open.databaseRole,
      segment: open.segment, clientAddress: open.clientAddress, clientTLS: open.clientTls,
      serverAddress: open.serverAddress, serverTLS: open.serverTls,
      applicationName: open.applicationName, grant: open.grant,
      bundleVersion: open.bundleVersion, bundleHash: Array(open.bundleHash),
      tokenExpiresUnixSeconds: open.tokenExpiresUnixSeconds)
    record.policy = open.policy
    record.isPolicyStale = open.policyStale
    record.isReadOnly = open.readOnly
    return record
  }

  private static func sessionClose(
    _ close: Sallyport_Audit_V1_SessionClose
  ) -> SessionCloseRecord {
    SessionCloseRecord(
      reason: close.reason, sqlstate: close.sqlstate, statements: close.statements,
      clientBytes: close.clientBytes, serverBytes: close.serverBytes,
      durationNanoseconds: close.durationNanoseconds, message: close.message)
  }

  private static func statementText(
    _ text: Sallyport_Audit_V1_StatementText, _ seq: UInt64
  ) throws(RecordDecodingError) -> StatementTextRecord {
    StatementTextRecord(
      digest: try digest(text.digest, field: "statement_text.digest", seq: seq),
      chunk: text.chunk, isLast: text.last, text: Array(text.text))
  }

  private static func statementBegin(
    _ begin: Sallyport_Audit_V1_StatementBegin, _ seq: UInt64
  ) throws(RecordDecodingError) -> StatementBeginRecord {
    guard
      let wireProtocol = StatementBeginRecord.WireProtocol(
        rawValue: UInt32(truncatingIfNeeded: begin.protocol.rawValue))
    else {
      throw invalid(
        "statement_begin.protocol", "\(begin.protocol.rawValue) is not a protocol", seq)
    }
    guard
      let durability = StatementBeginRecord.Durability(
        rawValue: UInt32(truncatingIfNeeded: begin.durability.rawValue))
    else {
      throw invalid(
        "statement_begin.durability", "\(begin.durability.rawValue) is not a durability", seq)
    }
    var parameters: [BoundParameter] = []
    parameters.reserveCapacity(begin.parameters.count)
    for parameter in begin.parameters {
      let value: BoundParameter.Value
      switch parameter.value {
      case .null: value = .null
      case .text(let text): value = .text(text)
      case .binary(let bytes): value = .binary(Array(bytes))
      case nil: throw invalid("statement_begin.parameters", "a parameter without a value", seq)
      }
      parameters.append(BoundParameter(typeOID: parameter.typeOid, value: value))
    }
    var record = StatementBeginRecord(
      statement: StatementID(begin.statement),
      digest: try digest(begin.digest, field: "statement_begin.digest", seq: seq),
      wireProtocol: wireProtocol, parameters: parameters,
      transactionStatus: begin.transactionStatus, preparedStatement: begin.preparedStatement,
      portal: begin.portal, rowLimit: begin.rowLimit, rule: begin.rule,
      bundleVersion: begin.bundleVersion, durability: durability)
    record.policy = begin.policy
    record.isPolicyStale = begin.policyStale
    record.observed = begin.observed.map {
      ObservedDecision(policy: $0.policy, rule: $0.rule, verdict: $0.verdict)
    }
    return record
  }

  private static func statementEnd(
    _ end: Sallyport_Audit_V1_StatementEnd, _ seq: UInt64
  ) throws(RecordDecodingError) -> StatementEndRecord {
    guard
      let outcome = StatementEndRecord.Outcome(
        rawValue: UInt32(truncatingIfNeeded: end.outcome.rawValue))
    else {
      throw invalid("statement_end.outcome", "\(end.outcome.rawValue) is not an outcome", seq)
    }
    return StatementEndRecord(
      statement: StatementID(end.statement), outcome: outcome, sqlstate: end.sqlstate,
      message: end.message, commandTag: end.commandTag, rows: end.rows, bytes: end.bytes,
      commands: end.commands, serverNanoseconds: end.serverNanoseconds,
      totalNanoseconds: end.totalNanoseconds, holdNanoseconds: end.holdNanoseconds)
  }

  private static func refusal(
    _ refusal: Sallyport_Audit_V1_Refusal, _ seq: UInt64
  ) throws(RecordDecodingError) -> RefusalRecord {
    var text: StatementDigest?
    if !refusal.digest.isEmpty {
      text = try digest(refusal.digest, field: "refusal.digest", seq: seq)
    }
    var principalKind: Principal.Kind?
    if !refusal.kind.isEmpty {
      principalKind = try kind(refusal.kind, field: "refusal.kind", seq)
    }
    var record = RefusalRecord(
      reason: refusal.reason, detail: refusal.detail, sqlstate: refusal.sqlstate,
      message: refusal.message, statement: statementID(refusal.statement), digest: text,
      subject: refusal.subject, tokenID: refusal.tokenID, connection: refusal.connection,
      databaseRole: refusal.databaseRole, clientAddress: refusal.clientAddress,
      applicationName: refusal.applicationName, groups: refusal.groups,
      principalKind: principalKind, leftOut: refusal.leftOut)
    record.policy = refusal.policy
    record.rule = refusal.rule
    record.bundleVersion = refusal.bundleVersion
    record.bundleHash = Array(refusal.bundleHash)
    return record
  }

  private static func logOpen(
    _ open: Sallyport_Audit_V1_LogOpen, _ seq: UInt64
  ) throws(RecordDecodingError) -> LogOpenRecord {
    let agent = try identifier(open.agent, field: "log_open.agent", seq: seq)
    return LogOpenRecord(
      log: LogID(agent: AgentID(agent), epoch: open.epoch, lane: open.lane),
      agentVersion: open.agentVersion, host: open.host, continued: open.continued,
      previousRoot: Array(open.previousRoot), previousSize: open.previousSize)
  }
}
