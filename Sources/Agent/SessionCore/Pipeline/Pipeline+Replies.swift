internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// What each reply of the server means for the queue, which expects it
/// (``ReplyQueue/expects(_:)``).
extension Pipeline {
  /// ParseComplete, BindComplete, CloseComplete, or the last reply to a Describe.
  mutating func changeDone() {
    guard let head = queue.removeHead() else { return }
    if head.kind.isChange { catalogue.settle(done: true) }
  }

  /// RowDescription: in the simple protocol the beginning of a result.
  mutating func rowsDescribed() {
    if queue.head?.kind != .query { changeDone() }
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

  mutating func commandComplete(
    _ command: BackendMessage.CommandComplete, at now: MonotonicTime, audit: inout [AuditEvent]
  ) {
    queue.completeCopyIn()
    progress.complete(command)
    catalogue.noteCommand(tag: command.tag)
    if queue.head?.kind == .execute { end(.completed, at: now, audit: &audit) }
  }

  mutating func emptyQuery(at now: MonotonicTime, audit: inout [AuditEvent]) {
    progress.completeEmpty()
    if queue.head?.kind == .execute { end(.completed, at: now, audit: &audit) }
  }

  mutating func portalSuspended(at now: MonotonicTime, audit: inout [AuditEvent]) {
    if let statement = queue.head?.statement {
      catalogue.suspended(statement, rows: progress.returnedRows)
    }
    end(.suspended, at: now, audit: &audit)
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
    if transaction.isLeaving { transaction.ready(head: queue.head?.number) }
    catalogue.ready()
    if status == UInt8(ascii: "I") { catalogue.forgetPortals() }
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
    queue.noteReply()
    if queue.isCopyingIn, !queue.failCopyIn(), !error.endsSession {
      progress.fail(error)
      end(.failed, at: now, audit: &audit)
      return .loseTrack
    }
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
      catalogue.discarded(statement)
      if !rowLimits.isEmpty { rowLimits[statement] = nil }
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
    catalogue.ended(statement)
    if !rowLimits.isEmpty { rowLimits[statement] = nil }
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
}
