import Synchronization

/// Counts sessions over all event loops, so that limits hold for the gateway as a whole.
final class SessionCensus: Sendable {
  private struct Counts {
    var statistics = GatewayStatistics()
    var byPrincipal: [String: Int] = [:]
  }

  private let counts = Mutex(Counts())

  var statistics: GatewayStatistics { counts.withLock { $0.statistics } }

  /// Counts one accepted connection; returns how many are open with it.
  func connectionAccepted() -> Int {
    counts.withLock {
      $0.statistics.openConnections += 1
      return Int(clamping: $0.statistics.openConnections)
    }
  }

  func connectionClosed() {
    counts.withLock { $0.statistics.openConnections &-= 1 }
  }

  /// Counts one session of a principal unless that passes `limit`.
  func enter(_ subject: String, limit: Int?) -> Bool {
    counts.withLock {
      let present = $0.byPrincipal[subject, default: 0]
      if let limit, present >= limit { return false }
      $0.byPrincipal[subject] = present + 1
      return true
    }
  }

  /// Takes back one ``enter(_:limit:)``.
  func leave(_ subject: String) {
    counts.withLock {
      guard let present = $0.byPrincipal[subject] else { return }
      $0.byPrincipal[subject] = present > 1 ? present - 1 : nil
    }
  }

  func sessionOpened() {
    counts.withLock {
      $0.statistics.openSessions += 1
      $0.statistics.acceptedSessions += 1
    }
  }

  func sessionClosed() { counts.withLock { $0.statistics.openSessions &-= 1 } }
  func loginRefused() { counts.withLock { $0.statistics.refusedLogins += 1 } }
  func cancelRequested() { counts.withLock { $0.statistics.cancels += 1 } }
}
