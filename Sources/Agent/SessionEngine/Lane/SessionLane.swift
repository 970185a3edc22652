import AuditLog
import Foundation
internal import GatewayModel
internal import Logging
import NIOCore
import PostgresWire
internal import RecordLog
import SessionCore

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
  let writer: LaneWriter
  var connector: ServerConnector
  var scramKeys = ScramKeyCache()
  /// The policy in force; `nil` until the first bundle.
  private(set) var policy: PolicySnapshot?
  /// Whether the gateway is draining or shut down: nobody new comes in.
  private(set) var isClosing = false

  private var sessions: [ObjectIdentifier: Session] = [:]
  private var dirty: [Session] = []
  /// Exchanged with ``dirty`` at the end of a tick, so that neither gives its storage back.
  private var closing: [Session] = []
  private var tickScheduled = false
  /// What made the log refuse a commit, until it could be opened again.
  private var logFailure: RecordLogError?
  private var watch: RepeatedTask?
  private var unmatchedCancels = (second: Int64.min, count: 0)
  private var tickBytes = (client: 0, server: 0)
  private var tickRecords = 0

  init(loop: any EventLoop, index: UInt32, commons: GatewayCommons, writer: LaneWriter) {
    self.loop = loop
    self.index = index
    self.commons = commons
    self.writer = writer
    connector = ServerConnector(
      loop: loop, limits: commons.configuration.limits, resolver: commons.resolver)
  }

  // MARK: Clocks

  var now: MonotonicTime {
    MonotonicTime(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
  }

  var wallTime: WallTime { .now() }

  // MARK: Life

  /// Begins to watch the record log; on the loop.
  func start() {
    watch = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) {
      [weak self] _ in self?.watchLog()
    }
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

  /// Closes the log behind the last session.
  func closeLog() throws(RecordLogError) {
    watch?.cancel()
    watch = nil
    if tickScheduled { closeTick() }
    try writer.close(reason: "shutdown", at: wallTime)
  }

  // MARK: Policy

  /// Judges by `snapshot` from now on, and ends the sessions whose entry it no longer allows.
  func apply(_ snapshot: PolicySnapshot) {
    policy = snapshot
    append(BundleAppliedRecord(version: snapshot.version, hash: snapshot.hash), session: nil)
    for session in sessions.values where !session.isAllowed(by: snapshot) {
      session.terminate(
        .grantRevoked, detail: "bundle \(snapshot.version) gives this entry no more")
    }
  }

  // MARK: Records

  /// Whether a statement may begin.
  var takesWork: Bool { logFailure == nil && writer.acceptsWork }

  /// Whether a session may begin: earlier than statements, so that those there can end in order.
  var takesSessions: Bool { takesWork && commons.log.diskLevel < .noNewSessions }

  /// Adds a record to the tick.
  func append<Body: RecordBody>(_ body: borrowing Body, session: SessionID?) {
    writer.append(body, session: session, at: wallTime)
    tickRecords += 1
    scheduleTick()
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

  // MARK: Cancelling

  /// Cancels what the session of this key runs, on whichever loop it is; done when the server was
  /// told, or there was nobody to tell.
  func cancel(_ key: CancelKey, from address: String) -> EventLoopFuture<Void> {
    commons.sessions.cancelRequested()
    guard let session = commons.cancels.session(for: key) else {
      commons.metrics.cancelsUnmatched.increment()
      recordUnmatchedCancel(from: address)
      return loop.makeSucceededVoidFuture()
    }
    commons.metrics.cancelsMatched.increment()
    let done = loop.makePromise(of: Void.self)
    session.lane.loop.execute { session.cancelRequested(from: address, done: done) }
    return done.futureResult
  }

  /// Records a cancel request whose key no session has; more than the limit in a second are
  /// dropped, so that guessing cannot fill the log.
  private func recordUnmatchedCancel(from address: String) {
    let second = now.nanoseconds / 1_000_000_000
    if unmatchedCancels.second != second { unmatchedCancels = (second, 0) }
    guard unmatchedCancels.count < commons.configuration.limits.unmatchedCancelsPerSecond
    else { return }
    unmatchedCancels.count += 1
    append(CancelRecord(matched: false, clientAddress: address), session: nil)
  }

  // MARK: The tick

  /// Adds a session with something to send to the tick.
  func markDirty(_ session: Session) {
    dirty.append(session)
    scheduleTick()
  }

  private func scheduleTick() {
    guard !tickScheduled else { return }
    tickScheduled = true
    // NIO runs it after all I/O events of this turn.
    loop.assumeIsolated().execute { self.closeTick() }
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
  private func logFailed(_ error: RecordLogError) {
    if logFailure == nil {
      commons.logger.error(
        "the record log takes no records: sessions end and logins are refused",
        metadata: ["lane": "\(index)", "error": "\(error)"])
    }
    logFailure = error
    commons.metrics.recordFailures.increment()
    for session in sessions.values { session.recordsLost() }
    for session in sessions.values {
      session.terminate(.recordLogUnavailable, detail: error.message)
    }
    // What the sessions' ends have to say goes to the log's reserve, where that can take it.
    if writer.hasPending { try? writer.commit() }
  }

  /// Notices a log that failed in the background, and opens one again that had failed.
  private func watchLog() {
    if case .failed(let error) = writer.standing, logFailure == nil { logFailed(error) }
    if case .closing(let error) = writer.standing, logFailure == nil { logFailed(error) }
    do throws(RecordLogError) {
      // Does nothing while the log is well.
      try writer.reopen(at: wallTime)
    } catch {
      logFailure = error
      return
    }
    if logFailure != nil, writer.acceptsWork { logRecovered() }
  }

  private func logRecovered() {
    logFailure = nil
    commons.logger.notice(
      "the record log takes records again", metadata: ["lane": "\(index)"])
  }

  /// What is wrong with the lane, for people; `nil` when it is well.
  var problem: String? {
    let failure: RecordLogError? =
      switch writer.standing {
      case .open: logFailure
      case .closing(let error), .failed(let error): error
      }
    if let failure { return "record log of lane \(index): \(failure.message)" }
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
    return nil
  }
}

extension WallTime {
  static func now() -> WallTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(unixNanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }
}
