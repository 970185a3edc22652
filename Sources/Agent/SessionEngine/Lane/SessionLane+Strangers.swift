import AuditLog
internal import GatewayModel
internal import Logging
import NIOCore
internal import PostgresWire
import SessionCore

/// What clients without a verified token have recorded: no more than an allowance in a second, the
/// rest counted in records of its own. A log that has little room is not spent on them.
extension SessionLane {
  /// Records one stranger's refusal.
  ///
  /// - Returns: Whether it has a record of its own.
  func appendRefusal(ofStranger refusal: RefusalRecord, session: SessionID) -> Bool {
    if !takesWork {
      strangerRefusals.leaveOut()
    } else if strangerRefusals.admits(at: now) {
      return append(refusal, session: session)
    }
    scheduleLeftOut()
    return false
  }

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

  private func recordUnmatchedCancel(from address: String) {
    if !takesWork {
      unmatchedCancels.leaveOut()
    } else if unmatchedCancels.admits(at: now) {
      append(CancelRecord(matched: false, clientAddress: address), session: nil)
      return
    }
    scheduleLeftOut()
  }

  /// What is left out is said at most once a second.
  private func scheduleLeftOut() {
    guard leftOutTimer == nil else { return }
    leftOutTimer = loop.scheduleTask(in: .seconds(1)) {
      self.leftOutTimer = nil
      if self.takesWork { self.recordLeftOut() } else { self.scheduleLeftOut() }
    }
  }

  /// Says in records of their own how many attempts have none; later when the log takes nothing.
  func recordLeftOut() {
    let refusals = strangerRefusals.leftOut
    if refusals > 0 {
      let detail =
        "\(refusals) more refusals of clients without a verified token; they came faster than"
        + " they are recorded one by one"
      guard
        append(
          RefusalRecord(
            reason: ReasonCode.refusalsLeftOut.rawValue, detail: detail, leftOut: refusals),
          session: nil)
      else { return scheduleLeftOut() }
      strangerRefusals.forgetLeftOut()
      commons.logger.notice("refusals left out", metadata: ["count": "\(refusals)"])
    }
    let cancels = unmatchedCancels.leftOut
    if cancels > 0 {
      guard
        append(CancelRecord(matched: false, clientAddress: "", leftOut: cancels), session: nil)
      else { return scheduleLeftOut() }
      unmatchedCancels.forgetLeftOut()
    }
  }
}
