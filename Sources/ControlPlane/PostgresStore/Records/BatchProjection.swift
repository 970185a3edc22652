internal import AuditLog
internal import GatewayModel

/// What a batch of records of one log means: pure, so that it can be tried without a database.
///
/// A statement is *pending* from its begin record on and *settled* by the first of: its end record;
/// the close of its session; a `log.close` of the same log, or a `log.open`, which says that the
/// agent was started anew: nothing that was under way before will end. Then its outcome stays
/// unknown. Begin and end may come in different batches: the caller gives the statements that are
/// pending in the store and stores those that are still pending after the batch.
struct BatchProjection: Sendable {
  /// A statement's place: statements are numbered within their session.
  struct Key: Hashable, Sendable {
    var session: Identifier128
    var statement: UInt64

    init(session: Identifier128, statement: UInt64) {
      self.session = session
      self.statement = statement
    }

    /// `nil` for a refusal that is of no statement.
    init?(_ row: StatementRow) {
      guard let session = row.session, let statement = row.statement else { return nil }
      self.init(session: session, statement: statement)
    }
  }

  /// What rows repeat of their session, so that they can be found by it.
  struct SessionContext: Sendable, Equatable {
    var principal: String
    var principalKind: String
    var connection: String
  }

  struct OpenedSession: Sendable {
    var id: Identifier128
    var seq: UInt64
    var at: WallTime
    var record: SessionOpenRecord
  }

  struct ClosedSession: Sendable {
    var id: Identifier128
    var at: WallTime
    var record: SessionCloseRecord
  }

  private let log: LogID
  private let position: Int64
  private let receivedAt: WallTime
  private var sessions: [Identifier128: SessionContext]
  private var pending: PendingStatements
  private(set) var settled: [StatementRow] = []
  private var settledIndex: [Key: Int] = [:]
  private(set) var opened: [OpenedSession] = []
  /// By the session's id; of several closes the last counts.
  private(set) var closed: [Identifier128: ClosedSession] = [:]
  /// When the log was closed or opened anew in this batch, for the last time: sessions of the log
  /// that are open and not in ``openedSinceStop`` ended with it.
  private(set) var stoppedAt: WallTime?
  private(set) var openedSinceStop: [Identifier128] = []
  private(set) var texts: [StatementTextRecord] = []
  /// The text that the log is in the middle of after the batch, as far as the batch tells.
  ///
  /// The writer of a log cuts one text at a time, so that a chunk of another text ends it, and with
  /// it what is under way ends at a `log.open` or `log.close`. All else can stand between its
  /// chunks, as where the records of an earlier log come again part by part.
  private(set) var unfinishedText: StatementDigest?
  private var nextOrdinal: Int64 = 0

  /// - Parameters:
  ///   - sessions: Those that the batch names and that opened before it.
  ///   - pending: Those that the batch may settle.
  init(
    log: LogID, position: Int64, receivedAt: WallTime,
    sessions: [Identifier128: SessionContext] = [:], pending: [StatementRow] = []
  ) {
    self.log = log
    self.position = position
    self.receivedAt = receivedAt
    self.sessions = sessions
    self.pending = PendingStatements(pending)
  }

  /// The statements that are pending after the batch, in the order of their begins.
  var pendingRows: [StatementRow] { pending.rows }

  /// Takes the next record of the log.
  mutating func take(_ record: DecodedRecord) {
    let session = record.header.session?.value
    switch record.body {
    case .sessionOpen(let open):
      guard let session else { return }
      sessions[session] = SessionContext(
        principal: clipped(open.principal.subject), principalKind: open.principal.kind.rawValue,
        connection: clipped(open.connection))
      openedSinceStop.append(session)
      opened.append(
        OpenedSession(
          id: session, seq: record.header.seq, at: record.header.time, record: open))
    case .sessionClose(let close):
      guard let session else { return }
      for row in pending.takeAll(of: session) { settle(row) }
      closed[session] = ClosedSession(id: session, at: record.header.time, record: close)
    case .statementBegin(let begin):
      guard let session else { return }
      pending[Key(session: session, statement: begin.statement.rawValue)] = row(
        begin, record.header, session)
    case .statementEnd(let end):
      guard let session else { return }
      take(end, record.header, session)
    case .refusal(let refusal):
      take(refusal, record.header)
    case .statementText(let text):
      texts.append(text)
      if !text.isWhole { unfinishedText = text.isLast ? nil : text.digest }
    case .logOpen, .logClose:
      stoppedAt = record.header.time
      openedSinceStop = []
      unfinishedText = nil
      // All of what this log had under way, and the caller gave all of it.
      for row in pending.takeAll() { settle(row) }
    case .cancel, .bundleApplied, .bundleRejected, .loss, .heartbeat, .witnessConflict, .controlAct,
      .auditRead, .agentsWitness, .retentionPrune, .equivocation:
      break
    }
  }

  private func row(
    _ begin: StatementBeginRecord, _ header: RecordHeader, _ session: Identifier128
  ) -> StatementRow {
    var row = StatementRow(log: log, seq: header.seq, kind: "statement", at: header.time)
    row.session = session
    row.statement = begin.statement.rawValue
    row.receivedAt = receivedAt
    describe(&row)
    row.digest = begin.digest.bytes
    row.parameters = ParameterText.json(begin.parameters)
    row.wireProtocol =
      switch begin.wireProtocol {
      case .simple: "simple"
      case .extended: "extended"
      case .functionCall: "function_call"
      }
    row.transactionStatus = begin.transactionStatus
    row.rule = begin.rule
    row.bundleVersion = begin.bundleVersion
    row.policy = present(begin.policy)
    row.observed = ObservedText.json(begin.observed)
    row.isPolicyStale = begin.isPolicyStale
    return row
  }

  private mutating func take(
    _ end: StatementEndRecord, _ header: RecordHeader, _ session: Identifier128
  ) {
    let key = Key(session: session, statement: end.statement.rawValue)
    var row: StatementRow
    if let begun = pending.take(key) {
      row = begun
    } else {
      // Its begin could not be read: what the end says is still worth finding.
      row = StatementRow(log: log, seq: header.seq, kind: "statement", at: header.time)
      row.session = session
      row.statement = end.statement.rawValue
      describe(&row)
    }
    row.endSeq = header.seq
    row.endedAt = header.time
    if end.outcome == .refused { row.kind = "refusal" }
    // What was refused stays so, whatever the server still said of it.
    row.outcome = row.kind == "refusal" ? "refused" : end.outcome.name
    row.sqlstate = present(end.sqlstate) ?? row.sqlstate
    row.message = present(end.message) ?? row.message
    row.commandTag = present(end.commandTag)
    row.rows = end.rows
    row.resultBytes = end.bytes
    row.serverNanoseconds = end.serverNanoseconds
    row.totalNanoseconds = end.totalNanoseconds
    settle(row)
  }

  private mutating func take(_ refusal: RefusalRecord, _ header: RecordHeader) {
    let session = header.session?.value
    let key = session.flatMap { session in
      refusal.statement.map { Key(session: session, statement: $0.rawValue) }
    }
    // A refused statement has a begin and an end too: the three are one row.
    if let key, var begun = pending[key] {
      apply(refusal, to: &begun)
      begun.kind = "refusal"
      begun.outcome = "refused"
      pending[key] = begun
      return
    }
    if let key, let index = settledIndex[key] {
      apply(refusal, to: &settled[index])
      settled[index].kind = "refusal"
      settled[index].outcome = "refused"
      return
    }
    var row = StatementRow(log: log, seq: header.seq, kind: "refusal", at: header.time)
    row.session = session
    row.statement = refusal.statement?.rawValue
    row.outcome = "refused"
    row.endedAt = header.time
    row.digest = refusal.digest?.bytes
    row.principal = present(clipped(refusal.subject))
    row.principalKind = refusal.principalKind?.rawValue
    row.groups = refusal.groups.isEmpty ? nil : refusal.groups
    row.connection = present(clipped(refusal.connection))
    row.databaseRole = present(refusal.databaseRole)
    row.clientAddress = present(refusal.clientAddress)
    row.applicationName = present(refusal.applicationName)
    describe(&row)
    apply(refusal, to: &row)
    settle(row)
  }

  private func apply(_ refusal: RefusalRecord, to row: inout StatementRow) {
    row.reason = present(refusal.reason)
    row.policy = present(refusal.policy) ?? row.policy
    row.rule = present(refusal.rule) ?? row.rule
    if refusal.bundleVersion > 0 { row.bundleVersion = refusal.bundleVersion }
    row.bundleHash = refusal.bundleHash.isEmpty ? nil : refusal.bundleHash
    row.sqlstate = present(refusal.sqlstate) ?? row.sqlstate
    // The detail says what was wrong, the message only what the client was told.
    row.message = present(refusal.detail) ?? present(refusal.message) ?? row.message
  }

  private func describe(_ row: inout StatementRow) {
    guard let session = row.session, let context = sessions[session] else { return }
    row.principal = context.principal
    row.principalKind = context.principalKind
    row.connection = context.connection
  }

  private mutating func settle(_ row: StatementRow) {
    var row = row
    row.position = position
    row.ordinal = nextOrdinal
    row.receivedAt = receivedAt
    nextOrdinal += 1
    if let key = Key(row) { settledIndex[key] = settled.count }
    settled.append(row)
  }

  private func present(_ text: String) -> String? { text.isEmpty ? nil : text }

  private func clipped(_ text: String) -> String { IndexedText.clipped(text) }
}
