import SessionCore
import Synchronization

/// Counts sessions over all event loops, so that limits hold for the gateway as a whole.
final class SessionCensus: Sendable {
  private struct Counts {
    var statistics = GatewayStatistics()
    var sessions = 0
    var byPrincipal: [String: Int] = [:]
    var byGrant: [CountedGrant: Int] = [:]
  }

  /// A limit that one more session would pass.
  struct Full: Error {
    var detail: String
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

  /// Counts one verified session of a principal by a grant, unless that passes a limit.
  func enter(
    _ grant: CountedGrant, limit: Int, principalLimit: Int?, grantLimit: Int?
  ) throws(Full) {
    let subject = grant.subject
    let full: Full? = counts.withLock { counts in
      guard counts.sessions < limit else {
        return Full(detail: "\(counts.sessions) sessions are open; the limit is \(limit)")
      }
      let present = counts.byPrincipal[subject, default: 0]
      if let principalLimit, present >= principalLimit {
        return Full(
          detail: "\(subject) has \(present) sessions open; the limit is \(principalLimit)")
      }
      let byGrant = counts.byGrant[grant, default: 0]
      if let grantLimit, byGrant >= grantLimit {
        return Full(
          detail: "\(subject) has \(byGrant) sessions open by the grant \"\(grant.grant)\" of the"
            + " policy \"\(grant.policy)\"; it allows \(grantLimit)")
      }
      counts.sessions += 1
      counts.byPrincipal[subject] = present + 1
      counts.byGrant[grant] = byGrant + 1
      return nil
    }
    if let full { throw full }
  }

  /// Takes back one ``enter(_:limit:principalLimit:grantLimit:)``.
  func leave(_ grant: CountedGrant) {
    counts.withLock {
      guard let present = $0.byPrincipal[grant.subject] else { return }
      $0.sessions -= 1
      $0.byPrincipal[grant.subject] = present > 1 ? present - 1 : nil
      let byGrant = $0.byGrant[grant, default: 0]
      $0.byGrant[grant] = byGrant > 1 ? byGrant - 1 : nil
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

/// What sessions are counted by: whose they are, and by which grant they came in.
struct CountedGrant: Hashable, Sendable {
  var subject: String
  var policy: String
  var grant: String
}

extension LoginGrant {
  var census: CountedGrant {
    CountedGrant(subject: principal.subject, policy: policyName, grant: grantName)
  }
}
