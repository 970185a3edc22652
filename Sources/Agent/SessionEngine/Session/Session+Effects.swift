internal import GatewayModel
import NIOCore
import SessionCore

/// Performs what the core asks for, in its order.
extension Session {
  func handle(_ event: consuming Event) {
    perform(core.handle(event, at: lane.now))
  }

  func perform(_ effects: consuming Effects) {
    if !effects.audit.isEmpty, !record(effects.audit) {
      // Nothing else of the value may happen.
      terminate(
        .recordLogUnavailable, detail: lane.problem ?? "the record log takes no new statements")
      return closeIfOver()
    }
    if effects.server.connect { connectServer() }
    if effects.server.cancel { wantCancel() }
    if !effects.server.send.isEmpty {
      server.append(effects.server.send)
      markDirty()
    }
    if !effects.client.send.isEmpty {
      client.append(effects.client.send)
      markDirty()
    }
    if effects.server.close { close(server) }
    if effects.client.close, effects.cancelRequest == nil { close(client) }
    if let reading = effects.client.reading { client.setPausedByCore(reading == .pause) }
    for timer in effects.timers { set(timer) }
    if let key = effects.cancelRequest { cancelOther(key) }
    // Last, because the verdict is the session's next event.
    if let request = effects.verifyLogin { verify(request) }
  }

  func markDirty() {
    guard !isDirty else { return }
    isDirty = true
    lane.markDirty(self)
  }

  func close(_ leg: SessionLeg) {
    leg.wantClose()
    markDirty()
  }

  /// Closes what the core has done with, when the effect that said so was not performed.
  ///
  /// Not asked after every event: reading a property of the core across modules copies all of it.
  func closeIfOver() {
    guard core.isClosed else { return }
    if client.isOpen, client.closing == .open { close(client) }
    if server.isOpen, server.closing == .open { close(server) }
  }

  func record(_ events: [AuditEvent]) -> Bool {
    if !lane.takesWork, events.contains(where: \.opensWork) { return false }
    for event in events { recorder.record(event, of: self) }
    return true
  }

  // MARK: Timers

  func set(_ effect: TimerEffect) {
    switch effect {
    case .set(let timer, let after):
      store(
        timer,
        lane.loop.scheduleTask(in: TimeAmount(after)) { self.handle(.timerFired(timer)) })
    case .cancel(let timer): store(timer, nil)
    }
  }

  func store(_ timer: SessionTimer, _ task: Scheduled<Void>?) {
    switch timer {
    case .handshake:
      handshakeTimer?.cancel()
      handshakeTimer = task
    case .drain:
      drainTimer?.cancel()
      drainTimer = task
    }
  }
}
