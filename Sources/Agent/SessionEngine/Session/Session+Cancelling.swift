internal import GatewayModel
import NIOCore
internal import PostgresWire
import SessionCore

/// A cancel that is to go to the server.
enum CancelWish {
  /// Of a client, or of ours for a result over its limit: what ran then, and nothing after that.
  case statement(CancelTarget)
  /// Of ours: the session is at its end, whatever it does.
  case session
}

/// Cancels: those that others ask of this session, and those that came on its client leg.
extension Session {
  /// Cancels what this session runs, for who showed its key; `done` when the server was told, or
  /// had nothing to do.
  func cancelRequested(from address: String, done: EventLoopPromise<Void>) {
    guard mintedKey != nil else { return done.succeed() }
    guard cancelAllowance.admits(at: lane.now) else {
      lane.leaveOutMatchedCancel()
      return done.succeed()
    }
    recorder.recordCancel(of: self, from: address)
    guard let target = core.cancelTarget else { return done.succeed() }
    cancelWaiters.append(done)
    wantCancel(.statement(target))
  }

  func wantCancel(_ wish: CancelWish) {
    if case .session? = cancelWish { return }
    cancelWish = wish
    markDirty()
  }

  func forwardCancel() {
    guard let wish = cancelWish else { return }
    cancelWish = nil
    guard let key = core.serverCancelKey, let grant, isDue(wish) else {
      completeCancel()
      return endIfDone()
    }
    let waiters = cancelWaiters
    cancelWaiters = []
    isCancelling = true
    CancelForwarder.forward(
      key, to: cancelTarget(of: grant), through: &lane.connector,
      deadline: lane.commons.configuration.limits.cancelDeadline
    ) {
      guard self.isDue(wish) else { return false }
      if case .statement = wish { self.holdServer() }
      return true
    }.whenComplete { _ in
      self.isCancelling = false
      self.releaseServer()
      if self.cancelWish != nil { self.markDirty() }
      for waiter in waiters { waiter.succeed() }
      self.endIfDone()
    }
  }

  /// Where the cancel goes. The certificate is opened anew, as the session does not keep it: a
  /// pooler may want it before it hears of a cancel.
  private func cancelTarget(of grant: LoginGrant) -> ServerTarget {
    let connection = grant.connection
    let credentials = connection.roles.first { $0.name == grant.role }?.credentials ?? []
    let certificate =
      credentials.contains { $0.sealedKind.hasCertificate }
      ? try? lane.commons.openCredential(connection, grant.role).certificate : nil
    return ServerTarget(connection, certificate: certificate)
  }

  /// A session that ends wants its cancel though its leg may be closed by then: a server works on
  /// until it has something to say.
  private func isDue(_ wish: CancelWish) -> Bool {
    switch wish {
    case .statement(let target): server.isOpen && core.isRunning(target)
    case .session: true
    }
  }

  func completeCancel() {
    let waiters = cancelWaiters
    cancelWaiters = []
    for waiter in waiters { waiter.succeed() }
  }

  /// Keeps back what goes to the server while a cancel is on its way there, so that it cannot meet
  /// a statement that the client sends now. The client is read no further meanwhile.
  private func holdServer() {
    isServerHeld = true
    client.setPausedByOther(true)
  }

  private func releaseServer() {
    guard isServerHeld else { return }
    isServerHeld = false
    serverWritability(server.context?.channel.isWritable ?? true)
    markDirty()
  }

  /// This leg brought a CancelRequest behind TLS. Its close tells the client that the cancel was
  /// delivered, so it waits for that.
  func cancelOther(_ key: CancelKey) {
    lane.cancel(key, from: facts.address).whenComplete { _ in self.close(self.client) }
  }
}
