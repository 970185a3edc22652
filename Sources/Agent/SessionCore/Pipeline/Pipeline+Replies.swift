internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// What each reply of the server means for the queue. A reply that the queue does not expect
/// changes nothing: its bytes pass, and what is open stays open.
extension Pipeline {
  /// ParseComplete, BindComplete, CloseComplete, or the last reply to a Describe.
  ///
  /// - Returns: Whether it answers what was refused and had to fail.
  mutating func changeDone(_ kinds: ReplyQueue.Kind...) -> Bool {
    guard let head = queue.head else { return false }
    guard kinds.contains(head.kind) else { return head.kind.isRefused }
    if head.kind.isChange { catalogue.settle(done: true) }
    _ = queue.removeHead()
    return false
  }

  /// NoData or RowDescription, the last reply to a Describe.
  mutating func described() -> Bool { changeDone(.describeStatement, .describePortal) }

  /// RowDescription: in the simple protocol the beginning of a result.
  mutating func rowsDescribed() {
    if queue.head?.kind != .query { _ = described() }
  }

  /// A message of this type is among what answers the current execution.
  mutating func count(_ type: BackendMessageType, bytes: Int) {
    switch type {
    case .dataRow, .copyData:
      progress.note(rows: 1)
      progress.note(bytes: bytes)
    case .commandComplete, .copyDone, .copyInResponse, .copyOutResponse, .emptyQueryResponse,
      .errorResponse, .functionCallResponse, .portalSuspended:
      progress.note(bytes: bytes)
    case .rowDescription: if queue.head?.kind == .query { progress.note(bytes: bytes) }
    default: break
    }
  }

  /// ParameterDescription: the rest of the answer to Describe follows.
  mutating func parameterDescription(_ oids: [UInt32]) {
    if queue.head?.kind == .describeStatement { catalogue.describe(parameterOIDs: oids) }
  }

  /// - Returns: Whether it answers what was refused and had to fail.
  mutating func commandComplete(
    _ command: BackendMessage.CommandComplete, at now: MonotonicTime, audit: inout [AuditEvent]
  ) -> Bool {
    guard let head = queue.head else { return false }
    guard head.kind.isExecution else { return head.kind.isRefused }
    queue.completeCopyIn()
    progress.complete(command)
    catalogue.noteCommand(tag: command.tag)
    if head.kind == .execute { end(.completed, at: now, audit: &audit) }
    return false
  }

  mutating func emptyQuery(at now: MonotonicTime, audit: inout [AuditEvent]) {
    guard let head = queue.head, head.kind.isExecution else { return }
    progress.completeEmpty()
    if head.kind == .execute { end(.completed, at: now, audit: &audit) }
  }

  mutating func portalSuspended(at now: MonotonicTime, audit: inout [AuditEvent]) {
    guard queue.head?.kind == .execute else { return }
    end(.suspended, at: now, audit: &audit)
  }

  /// CopyInResponse.
  mutating func copyIn() {
    if queue.head?.kind.isExecution == true { queue.beginCopyIn() }
  }

  mutating func readyForQuery(
    status: UInt8, at now: MonotonicTime, audit: inout [AuditEvent]
  ) {
    transactionStatus = status
    if queue.hasPossibleReadyAtHead {
      queue.takePossibleReady()
    } else if let head = queue.head {
      switch head.kind {
      case .query, .functionCall:
        end(progress.hasFailed ? .failed : .completed, at: now, audit: &audit)
        if head.kind == .query { catalogue.forgetUnnamed() }
      case .refusedQuery:
        _ = queue.removeHead()
        if let statement = head.statement { refusals[statement] = nil }
      case .sync: _ = queue.removeHead()
      default: break
      }
    }
    flushFinished(&audit)
    if status == UInt8(ascii: "I") { catalogue.forgetPortals() }
  }

  /// CloseComplete of a probe; `false` when something else is due.
  mutating func probeAnswered() -> Bool {
    guard queue.head?.kind == .probe else { return false }
    _ = queue.removeHead()
    return true
  }

  /// ErrorResponse.
  ///
  /// - Parameter isPoison: Whether it names what was put at the server to fail for the refusal of
  ///   this statement.
  mutating func error(
    _ error: ServerError, at now: MonotonicTime, audit: inout [AuditEvent],
    isPoison: (StatementID) -> Bool
  ) -> ErrorVerdict {
    guard let head = queue.head else { return .forward }
    var verdict = ErrorVerdict.forward
    if let statement = head.statement, let refusal = refusals[statement], isPoison(statement) {
      verdict = .show(refusal)
    }
    switch head.kind {
    case .query, .functionCall: progress.fail(error)
    case .refusedQuery: break
    case .sync:
      finished?.outcome = .failed
      finished?.sqlstate = error.sqlstate
      finished?.message = error.message
    case .execute:
      progress.fail(error)
      end(.failed, at: now, audit: &audit)
      skip(&audit)
    default:
      drop(head)
      _ = queue.removeHead()
      skip(&audit, preparationFailed: head.kind.isPreparation ? error : nil)
    }
    return verdict
  }

  /// Ends what the server discards.
  ///
  /// - Parameter preparationFailed: The error of a Parse, Bind or Describe. An Execute that comes
  ///   first behind it failed by it, since a statement is an Execute with its Parse and Bind;
  ///   what follows is skipped.
  private mutating func skip(_ audit: inout [AuditEvent], preparationFailed: ServerError? = nil) {
    flushFinished(&audit)
    var cause = preparationFailed
    for entry in queue.skipToSync() {
      drop(entry)
      guard let statement = entry.statement, entry.kind.isExecution else { continue }
      var end = StatementEnded(statement: statement, outcome: .skipped)
      end.wasExecuted = false
      if let error = cause, entry.kind == .execute {
        end.outcome = .failed
        end.sqlstate = error.sqlstate
        end.message = error.message
      }
      cause = nil
      audit.append(.statementEnd(end))
    }
  }

  /// Forgets what a failed or discarded message would have changed.
  private mutating func drop(_ entry: ReplyQueue.Entry) {
    if entry.kind.isChange { catalogue.settle(done: false) }
    if let statement = entry.statement { refusals[statement] = nil }
  }

  /// Ends the execution at the head. One that completed right before a Sync waits for it.
  private mutating func end(
    _ outcome: StatementEnded.Outcome, at now: MonotonicTime, audit: inout [AuditEvent]
  ) {
    flushFinished(&audit)
    guard let head = queue.removeHead(), let statement = head.statement else { return }
    let end = progress.ended(statement, outcome, since: head.since, at: now)
    progress = ExecutionProgress()
    if outcome == .completed, queue.head?.kind == .sync {
      finished = end
    } else {
      audit.append(.statementEnd(end))
    }
  }
}

extension ReplyQueue.Kind {
  /// Whether it comes before an execution that cannot be when it fails.
  var isPreparation: Bool {
    self == .parse || self == .bind || self == .describeStatement || self == .describePortal
  }

  var isRefused: Bool {
    self == .refusedParse || self == .refusedBind || self == .refusedExecute
      || self == .refusedQuery
  }
}
