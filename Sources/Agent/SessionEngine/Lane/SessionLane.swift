import AuditLog
import Foundation
internal import GatewayModel
internal import Logging
import NIOCore
internal import PostgresWire
internal import RecordLog
import SessionCore
internal import SystemClock

/// All sessions of one event loop with the record log they share.
///
/// A *tick* is what one turn of the event loop brought in. Its records and its outgoing bytes are
/// collected; when the loop has handed out all events of the turn the tick is closed: the records
/// of all sessions go to the kernel in one write, and only then do bytes leave on any leg.
///
/// SAFETY: every stored property that changes is read and written on ``loop`` only; who is
/// elsewhere reaches a lane by `loop.execute`.
final class SessionLane: @unchecked Sendable {
  let loop: any EventLoop
  let index: UInt32
  let commons: GatewayCommons
  /// Another one after a new epoch of the log has begun.
  var writer: LaneWriter
  var connector: ServerConnector
  var scramKeys = ScramKeyCache()
  /// The policy in force; `nil` until the first bundle.
  private(set) var policy: PolicySnapshot?
  /// How fresh that is; `nil` until it is known.
  private(set) var lease: LeaseSnapshot?
  /// Whether an administrator has removed the agent.
  private(set) var isRemoved = false
  /// Whether the gateway is draining or shut down: nobody new comes in.
  private(set) var isClosing = false

  private var sessions: [ObjectIdentifier: Session] = [:]
  private var dirty: [Session] = []
  /// Exchanged with ``dirty`` at the end of a tick, so that neither gives its storage back.
  private var closing: [Session] = []
  private var tickScheduled = false
  /// Those with something that waits for the medium, each once.
  var awaitingSync: [Session] = []
  /// One sync at a time: who asks meanwhile shares the next.
  var isSyncing = false
  /// The log failed and the sessions were ended, until it takes work again; said once.
  private var isLogFailing = false
  private var watch: RepeatedTask?
  private(set) var isLogClosed = false
  var strangerRefusals: RecordAllowance
  var principalRefusals: PrincipalAllowances
  var unmatchedCancels: RecordAllowance
  /// Only counts: each session has an allowance of its own.
  var matchedCancels = RecordAllowance(perSecond: 0)
  /// Says what was left out, when something was.
  var leftOutTimer: Scheduled<Void>?
  private var tickBytes = (client: 0, server: 0)
  private var tickRecords = 0

  init(loop: any EventLoop, index: UInt32, commons: GatewayCommons, writer: LaneWriter) {
    self.loop = loop
    self.index = index
    self.commons = commons
    self.writer = writer
    let limits = commons.configuration.limits
    connector = ServerConnector(loop: loop, limits: limits, resolver: commons.resolver)
    strangerRefusals = RecordAllowance(perSecond: limits.strangerRefusalsPerSecond)
    principalRefusals = PrincipalAllowances(perSecond: limits.principalRefusalsPerSecond)
    unmatchedCancels = RecordAllowance(perSecond: limits.unmatchedCancelsPerSecond)
  }

  // MARK: Clocks

  var now: MonotonicTime {
    MonotonicTime(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
  }

  var wallTime: WallTime { .now() }

  // MARK: Life

  /// Begins to watch the record log; on the loop.
  func start() {
    let interval = TimeAmount(commons.configuration.limits.logWatchInterval)
    watch = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) {
      [weak self] _ in self?.watchLog()
    }
    watchIdleness()
  }

  func add(_ session: Session) {
    sessions[ObjectIdentifier(session)] = session
    if isClosing { session.terminate(.shutdown, detail: "the agent is shutting down") }
  }

  func remove(_ session: Session) { sessions[ObjectIdentifier(session)] = nil }

  var sessionCount: Int { sessions.count }

  /// Refuses new sessions from now on; those there go on.
  func beginClosing() { isClosing = true }

  /// Ends every session with 57P01.
  func endSessions() {
    isClosing = true
    for session in sessions.values {
      session.terminate(.shutdown, detail: "the agent is shutting down")
    }
  }

  /// Ends every session for a cause; others may come in.
  func endSessions(_ reason: ReasonCode, detail: String) {
    for session in sessions.values { session.terminate(reason, detail: detail) }
  }

  /// Closes the log behind the last session.
  func closeLog() throws(RecordLogError) {
    watch?.cancel()
    watch = nil
    isLogClosed = true
    recordLastLeftOut()
    closeTickEarly()
    try writer.close(reason: "shutdown", at: wallTime)
  }

  // MARK: Policy

  /// Judges by `snapshot` from now on, and ends the sessions whose entry it no longer allows.
  func apply(_ snapshot: PolicySnapshot) {
    policy = snapshot
    connector.forgetCertificates()
    append(BundleAppliedRecord(version: snapshot.version, hash: snapshot.hash), session: nil)
    review(Array(sessions.values)[...])
  }

  /// How many sessions are looked at in one turn of the loop when the policy changes.
  private static let reviewedPerTurn = 64

  /// Ends the sessions that the policy in force does not let in; a few at a time, since the others'
  /// statements are judged by it already.
  private func review(_ sessions: ArraySlice<Session>) {
    for session in sessions.prefix(Self.reviewedPerTurn) where !session.isAllowed {
      session.terminate(
        .grantRevoked,
        detail: "bundle \(policy?.version ?? 0) gives this entry no more, or less than it has")
    }
    let rest = sessions.dropFirst(Self.reviewedPerTurn)
    guard !rest.isEmpty else { return }
    loop.execute { self.review(rest) }
  }

  /// Takes the policy for fresh for as long as `snapshot` says.
  func apply(_ snapshot: LeaseSnapshot) { lease = snapshot }

  /// Whether newer policy may be withheld now.
  var isPolicyStale: Bool { lease?.isStale(at: wallTime) ?? false }

  /// Lets nobody in from now on, and ends the sessions there are; or lets people in again.
  func apply(removed: Bool) {
    isRemoved = removed
    guard removed else { return }
    endSessions(.agentRemoved, detail: "an administrator has removed the agent")
  }

  // MARK: Records

  /// Whether a statement may begin.
  var takesWork: Bool { writer.acceptsWork }

  /// Whether a session may begin: earlier than statements, so that those there can end in order.
  var takesSessions: Bool { takesWork && commons.log.diskLevel < .noNewSessions }

  /// Adds a record to the tick.
  ///
  /// - Returns: Whether the log takes it; when not, the tick ends with a failure.
  @discardableResult
  func append<Body: RecordBody>(_ body: borrowing Body, session: SessionID?) -> Bool {
    let seq = writer.append(body, session: session, at: wallTime)
    tickRecords += 1
    scheduleTick()
    return seq != nil
  }

  /// Adds a record to the tick and closes that.
  ///
  /// - Returns: Whether the log has the record.
  func appendNow<Body: RecordBody>(_ body: borrowing Body) -> Bool {
    guard append(body, session: nil) else { return false }
    closeTickEarly()
    if case .failed = writer.standing { return false }
    return true
  }

  /// Adds a statement's text to the tick, unless the log has it already.
  func appendText(_ text: ByteBuffer, digest: StatementDigest) {
    text.withUnsafeReadableBytes { writer.appendText($0, digest: digest, at: wallTime) }
    scheduleTick()
  }

  /// Counts bytes taken from the legs, for the metrics.
  func count(fromClient: Int = 0, fromServer: Int = 0) {
    tickBytes.client += fromClient
    tickBytes.server += fromServer
  }

  // MARK: The tick

  /// How long a tick lasts while the room for the log is short.
  private static let slowTick = TimeAmount.milliseconds(10)

  /// Adds a session with something to send to the tick.
  func markDirty(_ session: Session) {
    dirty.append(session)
    scheduleTick()
  }

  private func scheduleTick() {
    guard !tickScheduled else { return }
    tickScheduled = true
    let level = commons.log.diskLevel
    guard level < .slow || level == .full else {
      // Every session of the lane waits, so that shipping can catch up before the room is used up.
      loop.assumeIsolated().scheduleTask(in: Self.slowTick) {
        if self.tickScheduled { self.closeTick() }
      }
      return
    }
    // NIO runs it after all I/O events of this turn.
    loop.assumeIsolated().execute { self.closeTick() }
  }

  /// Closes the tick before its time, if there is one.
  func closeTickEarly() {
    if tickScheduled { closeTick() }
  }

  private func closeTick() {
    tickScheduled = false
    if writer.hasPending {
      do throws(RecordLogError) {
        try writer.commit()
      } catch {
        logFailed(error)
      }
    }
    countTick()
    swap(&dirty, &closing)
    for session in closing { session.flush() }
    closing.removeAll(keepingCapacity: true)
  }

  private func countTick() {
    if tickBytes.client > 0 { commons.metrics.bytesFromClient.increment(by: tickBytes.client) }
    if tickBytes.server > 0 { commons.metrics.bytesFromServer.increment(by: tickBytes.server) }
    if tickRecords > 0 { commons.metrics.records.increment(by: tickRecords) }
    tickBytes = (0, 0)
    tickRecords = 0
  }

  // MARK: A failing log

  /// Nothing pending is in the log, so nothing of it goes to a server, and every session of the
  /// lane ends: the next statement of each could not be recorded either.
  func logFailed(_ error: RecordLogError) {
    if !isLogFailing {
      commons.logger.error(
        "the record log takes no records: sessions end and logins are refused",
        metadata: ["lane": "\(index)", "error": "\(error)"])
    }
    isLogFailing = true
    commons.metrics.recordFailures.increment()
    dropUnsent()
    for session in sessions.values {
      session.terminate(.recordLogUnavailable, detail: error.message)
    }
    // What the sessions' ends have to say goes to the log's reserve, where that can take it.
    if writer.hasPending { try? writer.commit() }
  }

  /// Forgets what no session may send any more.
  func dropUnsent() {
    for session in sessions.values { session.recordsLost() }
  }

  /// Notices a log that failed in the background, and opens one again that had failed.
  private func watchLog() {
    switch writer.standing {
    case .open: break
    case .closing(let error), .failed(let error): if !isLogFailing { logFailed(error) }
    }
    // Does nothing while the log is well; a failure is in its standing.
    try? writer.reopen(at: wallTime)
    guard isLogFailing, writer.acceptsWork else { return }
    isLogFailing = false
    commons.logger.notice(
      "the record log takes records again", metadata: ["lane": "\(index)"])
  }

  /// What is wrong with the lane, for people; `nil` when it is well.
  var problem: String? {
    switch writer.standing {
    case .open: break
    case .closing(let error), .failed(let error):
      return "record log of lane \(index): \(error.message)"
    }
    guard takesSessions else {
      return "record log: its room is nearly used up (\(commons.log.diskLevel)); let the control"
        + " plane catch up or make room"
    }
    return nil
  }

  /// What is wrong with the policy; `nil` when logins can be judged.
  var policyProblem: String? {
    guard let policy else { return "no policy bundle yet: every login is refused" }
    guard wallTime < policy.expiresAt else {
      return "bundle \(policy.version) has expired: every login is refused"
    }
    if isRemoved { return "the agent was removed: every login is refused" }
    return lease?.refusal(at: wallTime).map { "\($0): every login is refused" }
  }
}
