internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// The limit of rows that one execution may return.
///
/// An execution is a Query with all its statements, or the Executes of one portal. Its rows, and
/// its messages of COPY to the client, pass up to the limit. When one more comes the refusal is
/// recorded and the server asked to cancel; what it still sends is dropped, and its error is shown
/// as the refusal. So the server itself aborts, and the session can go on. If it completes all the
/// same, the session ends: what the client has must not look complete.
extension SessionCore {
  /// How many rows the execution under way may still return; `nil` without a limit.
  var rowsLeft: Int? {
    guard !pipeline.rowLimits.isEmpty, let statement = pipeline.queue.head?.statement,
      let limit = pipeline.rowLimits[statement]
    else { return nil }
    guard !pipeline.progress.isRefused else { return 0 }
    let before = pipeline.catalogue.rowsReturned(before: statement)
    return max(0, limit.rows - before - pipeline.progress.returnedRows)
  }

  /// The narrower limit of connection and grant; `nil` without any.
  func rowLimit(by judgement: StatementJudgement) -> RowLimit? {
    let granted = judgement.maximumRows.map { RowLimit(rows: $0, rule: judgement.rule) }
    guard let ofConnection = policy.maximumRows else { return granted }
    guard let granted, granted.rows < ofConnection else { return RowLimit(rows: ofConnection) }
    return granted
  }

  /// Rows over the limit: dropped in one go, but for the first, which is the general path's matter.
  mutating func withhold(
    _ run: RowRun, _ input: inout ByteBuffer, _ outlet: inout Outlet
  ) -> Bool {
    guard pipeline.progress.isRefused else { return false }
    pipeline.progress.note(bytes: run.messageBytes)
    input.moveReaderIndex(forwardBy: run.chunkBytes)
    outlet.drop(upTo: input.readerIndex)
    serverFrames.pass(run.missing, forwarded: false)
    return true
  }

  /// A row over the limit: its bytes are dropped as they come.
  mutating func withhold(
    _ header: FrameReader.Header, _ input: inout ByteBuffer, _ outlet: inout Outlet,
    at now: MonotonicTime
  ) {
    _ = serverFrames.take(FrameReader.Header.byteCount, from: &input)
    outlet.drop(upTo: input.readerIndex)
    pipeline.progress.note(bytes: header.messageLength)
    if !pipeline.progress.isRefused { refuseRows(at: now) }
    if isServerOpen {
      serverFrames.pass(header.messageLength - FrameReader.Header.byteCount, forwarded: false)
    }
  }

  private mutating func refuseRows(at now: MonotonicTime) {
    let refusal = rowRefusal
    var record = refused(refusal)
    record.statement = pipeline.queue.head?.statement
    effects.audit.append(.refusal(record))
    pipeline.progress.refuse(refusal)
    // A server that gave no key cannot be asked to stop.
    guard serverCancelKey != nil else { return endOverLimit(at: now) }
    effects.server.cancelStatement = cancelTarget
    // A cancel can get lost, and a result be without end.
    effects.timers.append(.set(.refusedResult, after: limits.drainTimeout))
  }

  /// What the client is shown in place of this error; `nil` for one that says something else than
  /// that the execution was cancelled.
  func rowRefusal(answeredBy error: ServerError) -> StatementRefusal? {
    guard pipeline.progress.isRefused, error.sqlstate == "57014", !error.endsSession else {
      return nil
    }
    return rowRefusal
  }

  /// The server completed what was to be cancelled, or cannot be asked to.
  mutating func endOverLimit(at now: MonotonicTime) {
    let refusal = rowRefusal
    let statement = pipeline.queue.head?.statement.map { "\($0.rawValue)" } ?? "?"
    end(
      .rowLimit, detail: "statement \(statement) was not cancelled before it completed",
      error: ClientError(
        sqlstate: refusal.sqlstate,
        message: "terminating connection because a result has more rows than are allowed",
        detail: refusal.detail, hint: refusal.hint), at: now)
  }

  private var rowRefusal: StatementRefusal {
    let limit = pipeline.queue.head?.statement.flatMap { pipeline.rowLimits[$0] }
    let rows = limit?.rows ?? 0
    let source =
      limit?.rule.map { "Grant \"\($0.rule)\" of policy \"\($0.policy)\"" }
      ?? "Connection \"\(grant?.connection.name ?? "")\""
    var refusal = StatementRefusal(
      reason: .rowLimit, sqlstate: "42501",
      message: "the result has more rows than are allowed",
      hint: "Ask for fewer rows, with WHERE, an aggregate or LIMIT, or for a higher limit.",
      detail: "\(source) allows \(rows) row\(rows == 1 ? "" : "s") of one statement.")
    if let rule = limit?.rule { refusal.rule = rule }
    return refusal
  }
}

/// The most rows that an execution may return, and what says so.
struct RowLimit: Equatable, Sendable {
  var rows: Int
  /// The grant; `nil` for the connection.
  var rule: PolicyRuleName?
}

extension BackendMessageType {
  /// Whether it counts as a row; each message of COPY does.
  var isRow: Bool { self == .dataRow || self == .copyData }

  /// Whether the server has sent all of a result that it means to.
  var endsResult: Bool {
    switch self {
    case .commandComplete, .copyDone, .portalSuspended: true
    default: false
    }
  }
}
