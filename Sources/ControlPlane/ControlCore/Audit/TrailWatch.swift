/// Who waits at this replica for news of the trail, and up to where the trail was complete when it
/// was last looked at.
///
/// Everything of the store's that waits would hold a connection; who waits here holds nothing.
actor TrailWatch {
  /// The most that wait at once; a further one is refused.
  static let maximumWaiting = 200

  private struct Waiter {
    var seen: Int64
    var continuation: CheckedContinuation<Bool, Never>
  }

  private let surroundings: Surroundings
  /// It never falls.
  private(set) var position: Int64 = 0
  private var waiters: [UInt64: Waiter] = [:]
  private var nextTicket: UInt64 = 0
  private var isClosed = false

  init(surroundings: Surroundings) { self.surroundings = surroundings }

  var hasWaiters: Bool { !waiters.isEmpty }
  var waitingCount: Int { waiters.count }

  /// Takes what the store says, and wakes those for whom it is news.
  func update(_ position: Int64) {
    self.position = max(self.position, position)
    for (ticket, waiter) in waiters where self.position > waiter.seen {
      waiters[ticket] = nil
      waiter.continuation.resume(returning: true)
    }
  }

  /// Wakes everybody, and lets nobody wait any more.
  func close() {
    isClosed = true
    for waiter in waiters.values { waiter.continuation.resume(returning: false) }
    waiters = [:]
  }

  /// Waits until the trail is complete beyond a position.
  ///
  /// - Returns: false when the deadline passed, the task was cancelled or the watch closed.
  /// - Throws: `unavailable` when too many wait already.
  func wait(beyond seen: Int64, within deadline: Duration) async throws(ControlError) -> Bool {
    if position > seen { return true }
    guard !isClosed else { return false }
    guard waiters.count < Self.maximumWaiting else {
      throw ControlError(
        .unavailable, "\(waiters.count) others follow the audit trail at this replica.",
        remedy: "Try again later, or ask without waiting.")
    }
    nextTicket += 1
    let ticket = nextTicket
    let timer = Task { [surroundings] in
      try? await surroundings.sleep(deadline)
      self.end(ticket)
    }
    defer { timer.cancel() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if Task.isCancelled || isClosed {
          continuation.resume(returning: false)
        } else {
          waiters[ticket] = Waiter(seen: seen, continuation: continuation)
        }
      }
    } onCancel: {
      timer.cancel()
    }
  }

  private func end(_ ticket: UInt64) {
    waiters.removeValue(forKey: ticket)?.continuation.resume(returning: false)
  }
}
