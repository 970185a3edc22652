internal import GatewayModel
internal import PostgresWire
import SessionCore

/// From the token to an open session, and its end in the books.
extension Session {
  func verify(_ request: LoginRequest) {
    guard lane.takesSessions else {
      return terminate(
        .recordLogUnavailable, detail: lane.problem ?? "the record log takes no new sessions")
    }
    let verdict = LoginJudge(
      policy: lane.policy, agent: lane.commons.configuration.agent,
      openCredential: lane.commons.openCredential, lease: lane.lease, isRemoved: lane.isRemoved
    ).verdict(
      on: request, from: facts.address, wall: lane.wallTime, monotonic: lane.now,
      entered: judge.enter)
    guard case .granted(let grant, var credential) = verdict else {
      return handle(.loginVerdict(verdict))
    }
    let limits = lane.commons.configuration.limits
    do throws(SessionCensus.Full) {
      try lane.commons.sessions.enter(
        grant.census,
        limit: min(limits.sessions, lane.policy?.limits.maxSessions ?? limits.sessions),
        principalLimit: lane.policy?.limits.maxSessionsPerPrincipal,
        grantLimit: grant.maximumSessions)
    } catch {
      return terminate(.tooManySessions, detail: error.detail)
    }
    self.grant = grant
    password = credential.password
    certificate = credential.certificate
    credential.cachedKeys = lane.scramKeys.keys(for: grant, password: credential.password)
    handle(.loginVerdict(.granted(grant, credential)))
  }

  /// The server has let the session in: counts it, and keeps what its login derived.
  func loggedIn() {
    isLoggedIn = true
    if let grant, let password, let keys = core.scramKeys {
      lane.scramKeys.keep(keys, for: grant, password: password)
    }
    password = nil
    certificate = nil
    lane.commons.sessions.sessionOpened()
    lane.commons.metrics.sessions.increment()
    lane.commons.metrics.sessionsOpen.increment()
  }

  /// Forgets the session when both legs are gone and no cancel of it is on its way.
  func endIfDone() {
    guard !client.isOpen, !server.isOpen, !isConnecting, !isCancelling, cancelWish == nil else {
      return
    }
    handshakeTimer?.cancel()
    drainTimer?.cancel()
    idleTimer?.cancel()
    refusedResultTimer?.cancel()
    completeCancel()
    lane.remove(self)
    if let mintedKey { lane.commons.cancels.remove(mintedKey) }
    mintedKey = nil
    if let grant { lane.commons.sessions.leave(grant.census) }
    grant = nil
    password = nil
    certificate = nil
    if isLoggedIn {
      isLoggedIn = false
      lane.commons.sessions.sessionClosed()
      lane.commons.metrics.sessionsOpen.decrement()
    }
  }
}
