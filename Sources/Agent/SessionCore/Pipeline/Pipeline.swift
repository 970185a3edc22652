internal import GatewayModel
internal import NIOCore

/// Joins what the client sent with what the server answers: one end for each begin.
///
/// Only looks: which bytes pass is decided outside, but for the error of a refused statement
/// (``ErrorVerdict``).
struct Pipeline: Sendable {
  /// What to do with an ErrorResponse.
  enum ErrorVerdict: Equatable, Sendable {
    case forward
    /// It is the error that was provoked to refuse a statement: show this instead.
    case show(StatementRefusal)
    /// What follows cannot be told apart: the session has to end (``ReplyQueue/failCopyIn()``).
    case loseTrack
  }

  var queue = ReplyQueue()
  var catalogue = StatementCatalogue()
  /// As the last ReadyForQuery said.
  var transactionStatus = UInt8(ascii: "I")
  var progress = ExecutionProgress()
  /// The last execution before a Sync: completed, but the Sync, which commits, can still fail.
  var finished: StatementEnded?
  /// Followed in power-safe sessions only.
  var transaction = TransactionUnderWay()
  /// Of what was refused and has no reply yet.
  var refusals: [StatementID: StatementRefusal] = [:]
  /// Of executions whose rows are limited.
  var rowLimits: [StatementID: RowLimit] = [:]
  var lastStatement: UInt64 = 0

  /// The portals whose long parameters stand in a begin already, oldest first.
  private var recordedPortals: [UInt64] = []

  /// The next number; every begin has one.
  mutating func nextStatement() -> StatementID {
    lastStatement &+= 1
    return StatementID(lastStatement)
  }

  /// What the begin of an execution of this portal says of its parameters.
  ///
  /// A client can bind megabytes once and execute thousands of times in one read. So long
  /// parameters stand in the first begin of their portal only; the later ones name the portal.
  mutating func parametersToRecord(of portal: Portal) -> [StatementParameter] {
    guard portal.parametersBytes > Self.longParametersBytes else { return portal.parameters }
    if recordedPortals.contains(portal.number) { return [] }
    if recordedPortals.count >= Self.maximumRecordedPortals { recordedPortals.removeFirst() }
    recordedPortals.append(portal.number)
    return portal.parameters
  }

  private static let longParametersBytes = 8 << 10
  private static let maximumRecordedPortals = 64

  /// An execution was begun and forwarded.
  mutating func forwardedExecution(
    _ kind: ReplyQueue.Kind, _ statement: StatementID, changing changes: SQLChanges,
    at now: MonotonicTime, audit: inout [AuditEvent]
  ) {
    guard queue.append(kind, statement: statement, at: now) else {
      return audit.append(
        .statementEnd(StatementEnded(statement: statement, outcome: .skipped)))
    }
    if !changes.isEmpty {
      catalogue.began(changes, by: statement, needsSync: kind == .execute)
    }
  }

  /// A Parse, Bind, Close or Describe was forwarded.
  mutating func forwardedChange(
    _ kind: ReplyQueue.Kind, _ change: StatementCatalogue.Change, at now: MonotonicTime
  ) {
    if queue.append(kind, at: now) { catalogue.append(change) }
  }

  /// Something that must fail was sent in place of a refused message.
  mutating func forwardedRefusal(
    _ kind: ReplyQueue.Kind, _ statement: StatementID, _ refusal: StatementRefusal,
    at now: MonotonicTime
  ) {
    if queue.append(kind, statement: statement, at: now) { refusals[statement] = refusal }
  }

  mutating func forwardedSync(isMalformed: Bool, at now: MonotonicTime) {
    _ = queue.append(.sync, isMalformed: isMalformed, at: now)
    catalogue.endSegment()
  }

  /// Ends everything open: the server will not say what became of it.
  mutating func abandon(at now: MonotonicTime, audit: inout [AuditEvent]) {
    // Without a transaction block it is committed by the Sync that has no answer.
    if transactionStatus != UInt8(ascii: "T") { finished?.outcome = .unknown }
    flushFinished(&audit)
    for entry in queue.removeAll() {
      guard let statement = entry.statement, entry.kind.isExecution else { continue }
      audit.append(
        .statementEnd(progress.ended(statement, .unknown, since: entry.since, at: now)))
      progress = ExecutionProgress()
    }
    refusals = [:]
    rowLimits = [:]
  }

  mutating func flushFinished(_ audit: inout [AuditEvent]) {
    guard let end = finished else { return }
    finished = nil
    audit.append(.statementEnd(end))
  }
}

extension ReplyQueue.Kind {
  var isExecution: Bool { self == .execute || self == .query || self == .functionCall }
  /// Whether the catalogue has a change for it.
  var isChange: Bool {
    self == .parse || self == .bind || self == .close || self == .describeStatement
  }
}
