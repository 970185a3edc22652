internal import GatewayModel

/// Ends a session whose client is silent for too long while nothing of it runs.
///
/// A statement costs one store of the time. The timer runs on and, when it fires, is set again for
/// what is left.
extension SessionCore {
  mutating func watchIdling(at now: MonotonicTime) {
    guard let limit = limits.idleTimeout else { return }
    lastActiveAt = now
    effects.timers.append(.set(.idle, after: limit))
  }

  mutating func checkIdling(at now: MonotonicTime) {
    guard case .ready = phase, let limit = limits.idleTimeout else { return }
    // A statement's end is a sign of life, so its time counts for nothing.
    guard pipeline.queue.count == 0 else {
      effects.timers.append(.set(.idle, after: limit))
      return
    }
    let silence = Duration.nanoseconds(now.nanoseconds(since: lastActiveAt))
    guard silence >= limit else {
      effects.timers.append(.set(.idle, after: limit - silence))
      return
    }
    end(
      .idleTimeout, detail: "nothing came for \(silence)",
      error: .idle(inTransaction: pipeline.transactionStatus != UInt8(ascii: "I")), at: now)
  }
}
