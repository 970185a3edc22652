internal import GatewayModel
import NIOCore
import SessionCore

/// Performs what the core asks for, in its order.
extension Session {
  func handle(_ event: consuming Event) {
    perform(core.handle(event, at: lane.now))
  }

  func perform(_ effects: consuming Effects) {
    let isRecorded = effects.audit.isEmpty || recorder.record(effects.audit, of: self)
    if effects.server.connect { connectServer() }
    if effects.server.cancel { wantCancel(.session) }
    if let target = effects.server.cancelStatement { wantCancel(.statement(target)) }
    if effects.server.syncBefore, isRecorded { holdServerForSync() }
    if !effects.server.send.isEmpty {
      server.append(effects.server.send)
      markDirty()
    }
    // It has a statement in it whose begin is not in the log.
    if !isRecorded { server.dropPending() }
    if !effects.client.send.isEmpty {
      client.append(effects.client.send)
      markDirty()
      if client.isHolding { boundHeld() }
    }
    if effects.client.syncBefore, isRecorded { holdClientForSync() }
    if effects.server.close { close(server) }
    if effects.client.close, effects.cancelRequest == nil { close(client) }
    if let reading = effects.client.reading { client.setPausedByCore(reading == .pause) }
    for timer in effects.timers { set(timer) }
    if let key = effects.cancelRequest { cancelOther(key) }
    if let derivation = effects.deriveKeys { derive(derivation) }
    // Last, because what these do is the session's next event.
    if let request = effects.verifyLogin { verify(request) }
    if !isRecorded {
      terminate(
        .recordLogUnavailable, detail: lane.problem ?? "the record log takes no new statements")
    }
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
    case .idle:
      idleTimer?.cancel()
      idleTimer = task
    case .refusedResult:
      refusedResultTimer?.cancel()
      refusedResultTimer = task
    }
  }
}
