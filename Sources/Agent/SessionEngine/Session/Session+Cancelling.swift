import NIOCore
internal import PostgresWire
import SessionCore

/// Cancels: those that others ask of this session, and those that came on its client leg.
extension Session {
  /// Cancels what this session runs, for who showed its key; `done` when the server was told.
  func cancelRequested(from address: String, done: EventLoopPromise<Void>) {
    guard mintedKey != nil else { return done.succeed() }
    recorder.recordCancel(of: self, from: address)
    cancelWaiters.append(done)
    wantCancel()
  }

  func wantCancel() {
    cancelWanted = true
    markDirty()
  }

  func forwardCancel() {
    cancelWanted = false
    guard let key = core.serverCancelKey, let grant, server.isOpen else { return completeCancel() }
    let waiters = cancelWaiters
    cancelWaiters = []
    isCancelling = true
    CancelForwarder.forward(
      key, to: ServerTarget(grant.connection), through: &lane.connector,
      deadline: lane.commons.configuration.limits.serverConnectDeadline
    ).whenComplete { _ in
      self.isCancelling = false
      if self.cancelWanted { self.markDirty() }
      for waiter in waiters { waiter.succeed() }
    }
  }

  func completeCancel() {
    let waiters = cancelWaiters
    cancelWaiters = []
    for waiter in waiters { waiter.succeed() }
  }

  /// This leg brought a CancelRequest behind TLS. Its close tells the client that the cancel was
  /// delivered, so it waits for that.
  func cancelOther(_ key: CancelKey) {
    lane.cancel(key, from: facts.address).whenComplete { _ in self.close(self.client) }
  }
}
