import AuditLog
internal import GatewayModel
internal import Logging
import NIOCore
import PostgresWire
import SessionCore
import Telemetry

/// Writes a session's audit events as records of its lane, with what only the shell knows.
struct SessionRecorder {
  /// The server's address as reached.
  var serverAddress = ""
  /// The protocol version of TLS on the server leg; empty without.
  var serverTLS = ""
  private var grantName = ""
  private var bundleVersion: UInt64 = 0
  /// Digests of texts by the core's version number, so that a prepared statement is hashed once.
  private var digests: [UInt64: StatementDigest] = [:]
  /// Over it the digests are forgotten; hashing again costs little.
  private static let maximumDigests = 512

  mutating func record(_ event: AuditEvent, of session: Session) {
    switch event {
    case .statementBegin(let begun): begin(begun, session)
    case .statementEnd(let ended): end(ended, session)
    case .sessionOpen(let opened): open(opened, session)
    case .sessionClose(let closed): close(closed, session)
    case .refusal(let refused):
      Self.refuse(refused, session: session.id, address: session.facts.address, in: session.lane)
    }
  }

  /// Records that entry was refused before or in a session.
  static func refuse(
    _ refused: Refused, session: SessionID, address: String, in lane: SessionLane
  ) {
    lane.append(
      RefusalRecord(
        reason: refused.reason.rawValue, detail: refused.detail, sqlstate: refused.sqlstate,
        message: refused.message, statement: refused.statement,
        subject: refused.principal?.subject ?? "", tokenID: refused.tokenID ?? "",
        connection: refused.connection, databaseRole: refused.databaseRole,
        clientAddress: address, applicationName: refused.applicationName,
        groups: refused.principal?.groups ?? [], principalKind: refused.principal?.kind),
      session: session)
    lane.commons.metrics.refusals(refused.reason).increment()
    guard refused.statement == nil else { return }
    lane.commons.sessions.loginRefused()
    lane.commons.logger.notice(
      "refused",
      metadata: [
        LogKey.reason: "\(refused.reason.rawValue)", "detail": "\(refused.detail)",
        LogKey.clientAddress: "\(address)", LogKey.session: "\(session)",
        LogKey.principal: "\(refused.principal?.subject ?? "")",
        LogKey.connection: "\(refused.connection)",
      ])
  }

  func recordCancel(of session: Session, from address: String) {
    session.lane.append(
      CancelRecord(
        matched: true, clientAddress: address, statement: session.core.currentStatement),
      session: session.id)
  }

  private mutating func open(_ opened: SessionOpened, _ session: Session) {
    let grant = opened.grant
    grantName = grant.grantName
    bundleVersion = grant.bundleVersion
    session.lane.append(
      SessionOpenRecord(
        principal: grant.principal, tokenID: grant.tokenID, actors: grant.actors,
        connection: grant.connection.name, connectionID: grant.connection.id,
        database: grant.connection.database, databaseRole: grant.role,
        segment: session.lane.commons.configuration.segment,
        clientAddress: session.facts.address, clientTLS: session.facts.tls,
        serverAddress: serverAddress, serverTLS: serverTLS,
        applicationName: opened.applicationName, grant: grant.grantName,
        bundleVersion: grant.bundleVersion, bundleHash: grant.bundleHash,
        tokenExpiresUnixSeconds: grant.tokenExpiresUnixSeconds),
      session: session.id)
  }

  private func close(_ closed: SessionClosed, _ session: Session) {
    session.lane.append(
      SessionCloseRecord(
        reason: closed.reason, sqlstate: closed.sqlstate, statements: closed.statements,
        clientBytes: closed.clientBytes, serverBytes: closed.serverBytes,
        durationNanoseconds: UInt64(clamping: closed.durationNanoseconds),
        message: closed.message),
      session: session.id)
  }

  private mutating func begin(_ begun: StatementBegun, _ session: Session) {
    let digest = digest(of: begun)
    session.lane.appendText(begun.text, digest: digest)
    session.lane.append(
      StatementBeginRecord(
        statement: begun.statement, digest: digest, wireProtocol: begun.kind.recorded,
        parameters: begun.parameters.isEmpty ? [] : begun.parameters.map(\.recorded),
        transactionStatus: String(UnicodeScalar(begun.transactionStatus)),
        preparedStatement: begun.preparedStatement, portal: begun.portal,
        rowLimit: begun.rowLimit, rule: grantName, bundleVersion: bundleVersion),
      session: session.id)
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

extension AuditEvent {
  /// Whether it begins a session or a statement, which a log without room does not take.
  var opensWork: Bool {
    switch self {
    case .sessionOpen, .statementBegin: true
    case .statementEnd, .refusal, .sessionClose: false
    }
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
