import AuditLog
internal import GatewayModel
internal import Logging
import NIOCore
internal import PostgresWire
import SessionCore

/// What clients without a verified token have recorded: no more than an allowance in a second, the
/// rest counted in records of its own.
extension SessionLane {
  /// Records one stranger's refusal.
  ///
  /// - Returns: Whether it has a record of its own.
  func appendRefusal(ofStranger refusal: RefusalRecord, session: SessionID) -> Bool {
    guard strangerRefusals.admits(at: now) else {
      scheduleLeftOut()
      return false
    }
    append(refusal, session: session)
    return true
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
    guard unmatchedCancels.admits(at: now) else { return scheduleLeftOut() }
    append(CancelRecord(matched: false, clientAddress: address), session: nil)
  }

  /// What is left out is said at most once a second.
  private func scheduleLeftOut() {
    guard leftOutTimer == nil else { return }
    leftOutTimer = loop.scheduleTask(in: .seconds(1)) {
      self.leftOutTimer = nil
      self.recordLeftOut()
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
