import AuditLog
internal import GatewayModel
import NIOCore
internal import PostgresWire
import SessionCore

/// What those have recorded whom the gateway does not let in: no more than an allowance in a
/// second, the rest counted (``recordLeftOut()``).
///
/// A log in which no session may begin has its last room for the sessions that are there, so
/// nothing of it goes to strangers.
extension SessionLane {
  /// Records a refused login, of a principal where a token had a good signature, else of a
  /// stranger.
  ///
  /// - Returns: Whether it has a record of its own.
  func appendRefusal(
    _ refusal: RefusalRecord, of principal: Principal?, session: SessionID
  ) -> Bool {
    guard admitsRefusal(of: principal) else {
      scheduleLeftOut()
      return false
    }
    return append(refusal, session: session)
  }

  /// A principal's refusal needs no look at the log's room: without room no token is looked at,
  /// and who was let in before that and fails at the server is one of the sessions that are there.
  private func admitsRefusal(of principal: Principal?) -> Bool {
    if let principal { return principalRefusals.admits(principal.subject, at: now) }
    guard takesSessions else {
      strangerRefusals.leaveOut()
      return false
    }
    return strangerRefusals.admits(at: now)
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

  /// Counts a cancel of a session that asks for them faster than they are recorded.
  func leaveOutMatchedCancel() {
    matchedCancels.leaveOut()
    scheduleLeftOut()
  }

  private func recordUnmatchedCancel(from address: String) {
    if !takesSessions {
      unmatchedCancels.leaveOut()
    } else if unmatchedCancels.admits(at: now) {
      append(CancelRecord(matched: false, clientAddress: address), session: nil)
      return
    }
    scheduleLeftOut()
  }
}
