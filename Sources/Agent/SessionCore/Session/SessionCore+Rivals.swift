internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// One way to read the server's replies, with the records that it would make.
struct ReplyReading: Sendable {
  var pipeline: Pipeline
  /// Ends of executions, held back until this reading is known to be right.
  var audit: [AuditEvent] = []

  mutating func take<Result>(
    _ change: (inout Pipeline, inout [AuditEvent]) -> Result
  ) -> Result {
    change(&pipeline, &audit)
  }
}

/// More than one reading of the replies at once.
///
/// Where the server failed in COPY data does not show in its error. In the extended protocol what
/// follows can have been discarded or executed then: ``ReplyQueue/outcomesOfFailedCopy(limit:)``.
/// So each possibility is followed until a reply comes that does not fit it. Meanwhile begins are
/// recorded as always, ends are held back, and a name that stands for different texts is not
/// settled: records say what was run, whichever it was.
extension SessionCore {
  private static let maximumReadings = 4
  private static let maximumHeldRecords = 1_024

  /// Notes what was forwarded.
  mutating func forwarded(_ note: (inout Pipeline, inout [AuditEvent]) -> Void) {
    guard !rivals.isEmpty else { return note(&pipeline, &effects.audit) }
    note(&pipeline, &heldAudit)
    for index in rivals.indices { rivals[index].take(note) }
  }

  /// Takes a reply in, by the readings that it fits.
  @discardableResult
  mutating func answered<Result>(
    _ reply: BackendMessageType, _ take: (inout Pipeline, inout [AuditEvent]) -> Result
  ) -> Result {
    let isReady = reply == .readyForQuery
    guard !rivals.isEmpty else {
      if !isReady { pipeline.queue.noteReply() }
      return take(&pipeline, &effects.audit)
    }
    var readings = fitting(reply)
    var results: [Result] = []
    for index in readings.indices {
      if !isReady { readings[index].pipeline.queue.noteReply() }
      results.append(readings[index].take(take))
    }
    adopt(readings)
    return results[results.count - 1]
  }

  /// Takes an ErrorResponse in; `nil` when it leaves more readings than can be followed.
  mutating func answered(
    _ error: ServerError, at now: MonotonicTime, isPoison: (StatementID) -> Bool
  ) -> Pipeline.ErrorVerdict? {
    guard !rivals.isEmpty || pipeline.queue.isCopyingIn else {
      pipeline.queue.noteReply()
      return pipeline.error(error, at: now, audit: &effects.audit, isPoison: isPoison)
    }
    var verdict = Pipeline.ErrorVerdict.forward
    var readings: [ReplyReading] = []
    // What ends the session can come at any moment.
    for var reading in error.endsSession ? allReadings : fitting(.errorResponse, error.sqlstate) {
      reading.pipeline.queue.noteReply()
      for pipeline in reading.pipeline.readingsOfError(limit: Self.maximumReadings) {
        var next = ReplyReading(pipeline: pipeline, audit: reading.audit)
        let shown = next.pipeline.error(error, at: now, audit: &next.audit, isPoison: isPoison)
        if shown != .forward { verdict = shown }
        readings.append(next)
      }
    }
    guard readings.count <= Self.maximumReadings else { return nil }
    adopt(readings)
    return verdict
  }

  private var allReadings: [ReplyReading] {
    rivals + [ReplyReading(pipeline: pipeline, audit: heldAudit)]
  }

  private func fitting(_ reply: BackendMessageType, _ sqlstate: String = "") -> [ReplyReading] {
    let readings = allReadings
    let fitting = readings.filter { $0.pipeline.fits(reply, sqlstate) }
    return fitting.isEmpty ? readings : fitting
  }

  /// Goes on with these; the last is the one that says what the session shows of itself.
  private mutating func adopt(_ all: [ReplyReading]) {
    let readings = Self.atRest(all).map { [$0] } ?? all
    guard let last = readings.last else { return }
    let before = pipeline
    pipeline = last.pipeline
    pipeline.takeNumbers(of: before)
    if readings.count == 1 {
      rivals = []
      heldAudit = []
      effects.audit += last.audit
    } else {
      rivals = Array(readings.dropLast())
      heldAudit = last.audit
    }
  }

  /// What the readings come to once nothing tells them apart any more: all is answered, and names
  /// stand for the same. `nil` before that.
  private static func atRest(_ readings: [ReplyReading]) -> ReplyReading? {
    guard readings.count > 1, var last = readings.last,
      readings.allSatisfy({
        $0.pipeline.isAtRest && $0.pipeline.knows(whatIsKnownBy: last.pipeline)
      })
    else { return nil }
    for other in readings { last.pipeline.queue.allowReadies(of: other.pipeline.queue) }
    last.pipeline.takeNumbers(of: readings[0].pipeline)
    last.audit = agreed(last.audit, readings.map(\.audit))
    return last
  }

  /// The ends that all readings have; what they do not agree on is unknown.
  private static func agreed(_ ends: [AuditEvent], _ all: [[AuditEvent]]) -> [AuditEvent] {
    let others = all.map { Set($0.compactMap(\.ending)) }
    return ends.map { event in
      guard case .statementEnd(let end) = event,
        !others.allSatisfy({ $0.contains(StatementEnding(end)) })
      else { return event }
      return .statementEnd(StatementEnded(statement: end.statement, outcome: .unknown))
    }
  }

  /// Ends the session when its replies can no longer be followed, or not soon.
  ///
  /// - Returns: Whether it did.
  mutating func endWhenRivalsLast(at now: MonotonicTime) -> Bool {
    guard heldAudit.count > Self.maximumHeldRecords else { return false }
    endUnfollowed(at: now)
    return true
  }

  mutating func endUnfollowed(at now: MonotonicTime) {
    end(
      .protocolViolation, detail: "messages behind a Sync in the data of a COPY that failed",
      error: ClientError(
        sqlstate: "08P01", message: "invalid message sequence during COPY",
        hint: "End a COPY with CopyDone or CopyFail and a Sync before the next message."), at: now)
  }

  /// The session stands still before a message: asks the server something that shows which reading
  /// is right, since what was forwarded may never be answered.
  mutating func probeRivals(at now: MonotonicTime) {
    guard isReady, !rivals.isEmpty, stall != nil else { return }
    let readings = allReadings
    guard !readings.contains(where: { $0.pipeline.queue.isSkipping }) else {
      return endUnfollowed(at: now)
    }
    guard !readings.contains(where: { $0.pipeline.queue.isProbing }) else { return }
    forwarded { pipeline, _ in _ = pipeline.queue.append(.probe, at: now) }
    effects.server.send.append(poison.probe())
  }

  /// What a statement's name stands for, by all readings in which the server looks at it.
  func statement(_ name: WireName) -> StatementCatalogue.Lookup<PreparedStatement> {
    lookUp { $0.statement(name) }
  }

  /// What a portal's name stands for, by all readings in which the server looks at it.
  func portal(_ name: WireName) -> StatementCatalogue.Lookup<Portal> {
    lookUp { $0.portal(name) }
  }

  private func lookUp<Value: Equatable>(
    _ find: (StatementCatalogue) -> StatementCatalogue.Lookup<Value>
  ) -> StatementCatalogue.Lookup<Value> {
    var found = find(pipeline.catalogue)
    guard !rivals.isEmpty else { return found }
    var isFirst = pipeline.queue.isSkipping
    for rival in rivals where !rival.pipeline.queue.isSkipping {
      let other = find(rival.pipeline.catalogue)
      if !isFirst, found != other { return .unsettled }
      found = other
      isFirst = false
    }
    return found
  }

  /// Whether an answer of the server is outstanding, by any reading.
  var isAnswerDue: Bool {
    let queue = pipeline.queue
    return queue.count > 0 || queue.possibleReadies > 0 || !rivals.isEmpty
  }

  /// Replies outstanding, by the reading that has the most.
  var pendingReplies: Int {
    rivals.reduce(pipeline.queue.count) { max($0, $1.pipeline.queue.count) }
  }

  /// Ends everything open.
  mutating func abandonStatements(at now: MonotonicTime) {
    guard !rivals.isEmpty else { return pipeline.abandon(at: now, audit: &effects.audit) }
    pipeline.abandon(at: now, audit: &heldAudit)
    for index in rivals.indices {
      rivals[index].take { $0.abandon(at: now, audit: &$1) }
    }
    effects.audit += Self.agreed(heldAudit, rivals.map(\.audit))
    rivals = []
    heldAudit = []
  }
}

/// Which statement ended how.
private struct StatementEnding: Hashable {
  let statement: StatementID
  let outcome: StatementEnded.Outcome

  init(_ end: StatementEnded) {
    statement = end.statement
    outcome = end.outcome
  }
}

extension AuditEvent {
  fileprivate var ending: StatementEnding? {
    if case .statementEnd(let end) = self { StatementEnding(end) } else { nil }
  }
}
