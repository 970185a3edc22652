import AuditLog
internal import GatewayModel
internal import Logging
import NIOCore
internal import PostgresWire
import SessionCore
import Telemetry

/// Writes a session's audit events as records of its lane, with what only the shell knows.
struct SessionRecorder {
  /// The server's address as reached.
  var serverAddress = ""
  /// The protocol version of TLS on the server leg; empty without.
  var serverTLS = ""
  private var durability = StatementBeginRecord.Durability.crashSafe
  /// Digests of texts by the core's version number, so that a prepared statement is hashed once.
  private var digests: [UInt64: StatementDigest] = [:]
  /// Over it the digests are forgotten; hashing again costs little.
  private static let maximumDigests = 512
  /// The session has begun, whether or not the log took its opening.
  private var hasEntered = false
  /// The log did not take the session's opening.
  private var lacksOpening = false
  /// The first statement whose begin the log did not take; those behind it have none either.
  private var firstWithoutBegin: StatementID?

  /// Records what one event of the session has caused, oldest first.
  ///
  /// When the log takes nothing new, what has happened is recorded all the same; what does not
  /// begin in the log does not end in it either.
  ///
  /// - Returns: Whether every begin is recorded. When not, none of what they cover may happen, and
  ///   the session has to end.
  mutating func record(_ events: [AuditEvent], of session: Session) -> Bool {
    let takesWork = session.lane.takesWork
    var isComplete = true
    for event in events {
      switch event {
      case .statementBegin(let begun):
        if !takesWork || firstWithoutBegin != nil || !begin(begun, session) {
          firstWithoutBegin = firstWithoutBegin ?? begun.statement
          isComplete = false
        }
      case .statementEnd(let ended):
        if firstWithoutBegin.map({ ended.statement < $0 }) ?? true { end(ended, session) }
      case .sessionOpen(let opened):
        hasEntered = true
        if !takesWork || !open(opened, session) {
          lacksOpening = true
          isComplete = false
        }
      case .sessionClose(let closed): if !lacksOpening { close(closed, session) }
      case .refusal(let refused): refuse(refused, session)
      }
    }
    return isComplete
  }

  /// Records a refused login, or without any allowance what an open session was refused: each of
  /// its statements is recorded anyway, and its end comes once.
  private func refuse(_ refused: Refused, _ session: Session) {
    let (lane, address) = (session.lane, session.facts.address)
    guard hasEntered else {
      return Self.refuse(refused, session: session.id, address: address, in: lane)
    }
    lane.commons.metrics.refusals(refused.reason).increment()
    var record = Self.record(of: refused, address: address)
    if refused.statement != nil {
      record.policy = refused.rule.policy
      record.rule = refused.rule.rule
      record.bundleVersion = session.judge.bundle.version
      record.bundleHash = session.judge.bundle.hash
    }
    lane.append(record, session: session.id)
    if refused.statement == nil {
      Self.log(record, refused, session: session.id, address: address, in: lane)
    }
  }

  /// Records that entry was refused; counts it where its like have used up their allowance.
  static func refuse(
    _ refused: Refused, session: SessionID, address: String, in lane: SessionLane
  ) {
    lane.commons.metrics.refusals(refused.reason).increment()
    lane.commons.sessions.loginRefused()
    let record = Self.record(of: refused, address: address)
    if lane.appendRefusal(record, of: refused.principal, session: session) {
      log(record, refused, session: session, address: address, in: lane)
    }
  }

  private static func log(
    _ record: RefusalRecord, _ refused: Refused, session: SessionID, address: String,
    in lane: SessionLane
  ) {
    lane.commons.logger.notice(
      "refused",
      metadata: [
        LogKey.reason: "\(record.reason)", "detail": "\(record.detail)",
        LogKey.clientAddress: "\(address)", LogKey.session: "\(session)",
        LogKey.principal: "\(refused.principal?.subject ?? "")",
        LogKey.connection: "\(record.connection)",
      ])
  }

  /// What the client says of itself is cut, and what quotes it.
  private static func record(of refused: Refused, address: String) -> RefusalRecord {
    RefusalRecord(
      reason: refused.reason.rawValue,
      detail: refused.detail.prefix(utf8Bytes: AssertedText.sentenceBytes),
      sqlstate: refused.sqlstate,
      message: refused.message.prefix(utf8Bytes: AssertedText.sentenceBytes),
      statement: refused.statement, subject: refused.principal?.subject ?? "",
      tokenID: refused.tokenID ?? "",
      connection: refused.connection.prefix(utf8Bytes: AssertedText.nameBytes),
      databaseRole: refused.databaseRole.prefix(utf8Bytes: AssertedText.nameBytes),
      clientAddress: address,
      applicationName: refused.applicationName.prefix(utf8Bytes: AssertedText.nameBytes),
      groups: refused.principal?.groups ?? [], principalKind: refused.principal?.kind)
  }

  func recordCancel(of session: Session, from address: String) {
    session.lane.append(
      CancelRecord(
        matched: true, clientAddress: address, statement: session.core.currentStatement),
      session: session.id)
  }

  private mutating func open(_ opened: SessionOpened, _ session: Session) -> Bool {
    let grant = opened.grant
    durability = grant.connection.durability == .powerSafe ? .powerSafe : .crashSafe
    var record = SessionOpenRecord(
      principal: grant.principal, tokenID: grant.tokenID, actors: grant.actors,
      connection: grant.connection.name, connectionID: grant.connection.id,
      database: grant.connection.database, databaseRole: grant.role,
      segment: session.lane.commons.configuration.segment,
      clientAddress: session.facts.address, clientTLS: session.facts.tls,
      serverAddress: serverAddress, serverTLS: serverTLS,
      applicationName: opened.applicationName.prefix(utf8Bytes: AssertedText.nameBytes),
      grant: grant.grantName,
      bundleVersion: grant.bundleVersion, bundleHash: grant.bundleHash,
      tokenExpiresUnixSeconds: grant.tokenExpiresUnixSeconds)
    record.policy = grant.policyName
    record.isPolicyStale = session.lane.isPolicyStale
    record.isReadOnly = grant.isReadOnly
    return session.lane.append(record, session: session.id)
  }

  private func close(_ closed: SessionClosed, _ session: Session) {
    let begun = firstWithoutBegin.map { min(closed.statements, max($0.rawValue, 1) - 1) }
    session.lane.append(
      SessionCloseRecord(
        reason: closed.reason, sqlstate: closed.sqlstate,
        statements: begun ?? closed.statements,
        clientBytes: closed.clientBytes, serverBytes: closed.serverBytes,
        durationNanoseconds: UInt64(clamping: closed.durationNanoseconds),
        message: closed.message),
      session: session.id)
  }

  /// - Returns: Whether the log takes it.
  private mutating func begin(_ begun: StatementBegun, _ session: Session) -> Bool {
    let digest = digest(of: begun)
    session.lane.appendText(begun.text, digest: digest)
    var record = StatementBeginRecord(
      statement: begun.statement, digest: digest, wireProtocol: begun.kind.recorded,
      parameters: begun.parameters.isEmpty ? [] : begun.parameters.map(\.recorded),
      transactionStatus: String(UnicodeScalar(begun.transactionStatus)),
      preparedStatement: begun.preparedStatement, portal: begun.portal,
      rowLimit: begun.rowLimit, rule: begun.rule.rule,
      bundleVersion: session.judge.bundle.version, durability: durability)
    record.policy = begun.rule.policy
    record.isPolicyStale = session.lane.isPolicyStale
    record.observed = begun.observed
    return session.lane.append(record, session: session.id)
  }

  private func end(_ ended: StatementEnded, _ session: Session) {
    session.lane.append(
      StatementEndRecord(
        statement: ended.statement, outcome: ended.outcome.recorded, sqlstate: ended.sqlstate,
        message: ended.message, commandTag: ended.commandTag, rows: ended.rows,
        bytes: ended.bytes, commands: ended.commands,
        serverNanoseconds: UInt64(clamping: ended.serverNanoseconds),
        totalNanoseconds: UInt64(clamping: ended.totalNanoseconds),
        holdNanoseconds: UInt64(clamping: ended.holdNanoseconds)),
      session: session.id)
    let metrics = session.lane.commons.metrics
    metrics.statements(ended.outcome).increment()
    metrics.statementSeconds.recordNanoseconds(ended.serverNanoseconds)
  }

  private mutating func digest(of begun: StatementBegun) -> StatementDigest {
    if begun.textVersion != 0, let digest = digests[begun.textVersion] { return digest }
    let digest = begun.text.withUnsafeReadableBytes { StatementDigest(of: $0) }
    if begun.textVersion != 0 {
      if digests.count >= Self.maximumDigests { digests.removeAll(keepingCapacity: true) }
      digests[begun.textVersion] = digest
    }
    return digest
  }
}

extension StatementBegun.Kind {
  var recorded: StatementBeginRecord.WireProtocol {
    switch self {
    case .simple: .simple
    case .extended: .extended
    case .functionCall: .functionCall
    }
  }
}

extension StatementEnded.Outcome {
  var recorded: StatementEndRecord.Outcome {
    switch self {
    case .completed: .completed
    case .failed: .failed
    case .suspended: .suspended
    case .skipped: .skipped
    case .unknown: .unknown
    case .refused: .refused
    }
  }
}

extension StatementParameter {
  /// Text that is not UTF-8 is kept as bytes: the record's text has to be UTF-8.
  var recorded: BoundParameter {
    let recorded: BoundParameter.Value =
      switch value {
      case .null: .null
      case .text(let bytes):
        String(validating: bytes.readableBytesView, as: UTF8.self).map { .text($0) }
          ?? .binary(Array(bytes.readableBytesView))
      case .binary(let bytes): .binary(Array(bytes.readableBytesView))
      }
    return BoundParameter(typeOID: typeOID, value: recorded)
  }
}
