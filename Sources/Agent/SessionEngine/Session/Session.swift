internal import GatewayModel
internal import Logging
import NIOCore
import NIOSSL
import PostgresWire
import SessionCore

/// What is known of a client leg when its session begins.
struct ClientLegFacts: Sendable {
  /// `host:port`, or `unix`.
  var address: String
  /// The protocol version of TLS; empty without.
  var tls: String
  /// When the connection was accepted.
  var accepted: NIODeadline
}

/// The shell of one session: runs the effects of its ``SessionCore`` on two channels of one event
/// loop, and tells it what happened there.
///
/// Decides nothing about the protocol. Records and outgoing bytes are collected in the lane's tick.
///
/// SAFETY: every stored property that changes is read and written on the lane's event loop only;
/// the cancel registry, which is of all loops, reaches a session by `loop.execute`.
final class Session: @unchecked Sendable {
  let lane: SessionLane
  let id: SessionID
  let facts: ClientLegFacts
  let client = SessionLeg()
  let server = SessionLeg()
  private(set) var core: SessionCore
  var recorder = SessionRecorder()
  /// The grant that let the session in, once it is in.
  private(set) var grant: LoginGrant?
  /// Of the server leg, until the login is over.
  private var password: Secret?
  private var isDirty = false
  private var isConnecting = false
  private var isOpened = false
  private var mintedKey: CancelKey?
  /// Cancels to go to the server behind this tick's records; who waits is told when that is done.
  private var cancelWanted = false
  private var cancelWaiters: [EventLoopPromise<Void>] = []
  private var handshakeTimer: Scheduled<Void>?
  private var drainTimer: Scheduled<Void>?

  /// - Parameter id: Minted by the caller at accept, so that a refused handshake has one too.
  init(lane: SessionLane, id: SessionID, facts: ClientLegFacts) {
    self.lane = lane
    self.id = id
    self.facts = facts
    var limits = SessionLimits()
    let spent = Duration.nanoseconds((NIODeadline.now() - facts.accepted).nanoseconds)
    limits.handshakeTimeout = max(
      .seconds(1), lane.commons.configuration.limits.handshakeDeadline - spent)
    if let bytes = lane.policy?.limits.maxStatementBytes { limits.maximumStatementBytes = bytes }
    core = SessionCore(
      configuration: SessionConfiguration(
        session: id, poisonNonce: .random(), limits: limits, policy: StatementPolicy()))
  }

  // MARK: The client leg

  func clientAttached(_ context: ChannelHandlerContext) {
    client.attach(
      context,
      transport: try? context.pipeline.syncOperations.context(
        handlerType: NIOSSLServerHandler.self))
    handle(.clientConnected)
    lane.add(self)
    let limits = lane.commons.configuration.limits
    let bound = min(limits.sessions, lane.policy?.limits.maxSessions ?? limits.sessions)
    if lane.commons.sessions.statistics.openConnections > UInt64(clamping: bound) {
      terminate(.tooManySessions, detail: "\(bound) sessions are open, which is the limit")
    }
  }

  func clientReceived(_ bytes: ByteBuffer) {
    guard client.closing < .flushing else { return }
    lane.count(fromClient: bytes.readableBytes)
    handle(.clientBytes(bytes))
  }

  func clientWritability(_ isWritable: Bool) { server.setPausedByOther(!isWritable) }

  func clientClosed() {
    guard client.isOpen else { return }
    client.detach()
    // Nothing is held back for a client that is gone.
    server.setPausedByOther(false)
    handle(.clientClosed)
    endIfDone()
  }

  // MARK: The server leg

  func serverAttached(_ context: ChannelHandlerContext) {
    server.attach(
      context,
      transport: try? context.pipeline.syncOperations.context(
        handlerType: NIOSSLClientHandler.self))
  }

  func serverReceived(_ bytes: ByteBuffer) {
    guard server.closing < .flushing else { return }
    lane.count(fromServer: bytes.readableBytes)
    handle(.serverBytes(bytes))
  }

  func serverWritability(_ isWritable: Bool) { client.setPausedByOther(!isWritable) }

  func serverClosed() {
    guard server.isOpen else { return }
    server.detach()
    client.setPausedByOther(false)
    handle(.serverClosed)
    endIfDone()
  }

  // MARK: From the lane

  /// Ends the session for a cause of the gateway's.
  func terminate(_ reason: ReasonCode, detail: String) {
    handle(.terminate(reason: reason, detail: detail))
  }

  /// Whether the session could still enter under this policy.
  func isAllowed(by policy: PolicySnapshot) -> Bool {
    guard let grant else { return true }
    guard let connection = policy.connection(named: grant.connection.name),
      connection.id == grant.connection.id,
      case .allow(_, let role) = policy.entry.decide(
        principal: grant.principal, connection: connection, requestedRole: grant.role)
    else { return false }
    return role == grant.role
  }

  /// The records of this tick are lost, so what they cover must not reach the server.
  ///
  /// Bytes for the client go out: they answer statements recorded in earlier ticks, and cutting
  /// them would leave half a message in front of the error that follows.
  func recordsLost() {
    server.dropPending()
    cancelWanted = false
    completeCancel()
  }

  /// The tick's records are in the log: performs what waited for them.
  func flush() {
    isDirty = false
    if cancelWanted { forwardCancel() }
    let linger = TimeAmount(lane.commons.configuration.limits.lingerDeadline)
    server.flush(linger: linger)
    client.flush(linger: linger)
  }

  // MARK: Effects

  private func handle(_ event: consuming Event) {
    perform(core.handle(event, at: lane.now))
  }

  private func perform(_ effects: consuming Effects) {
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
    if core.isClosed, effects.cancelRequest == nil { closeIfOver() }
  }

  private func markDirty() {
    guard !isDirty else { return }
    isDirty = true
    lane.markDirty(self)
  }

  private func close(_ leg: SessionLeg) {
    leg.wantClose()
    markDirty()
  }

  /// Closes what the core has done with, also when the effect that said so was not performed.
  private func closeIfOver() {
    guard core.isClosed else { return }
    if client.isOpen, client.closing == .open { close(client) }
    if server.isOpen, server.closing == .open { close(server) }
  }

  private func record(_ events: [AuditEvent]) -> Bool {
    if !lane.takesWork, events.contains(where: \.opensWork) { return false }
    for event in events {
      recorder.record(event, of: self)
      if case .sessionOpen = event { opened() }
    }
    return true
  }

  // MARK: Login

  private func verify(_ request: LoginRequest) {
    guard lane.takesSessions else {
      return terminate(
        .recordLogUnavailable, detail: lane.problem ?? "the record log takes no new sessions")
    }
    let judge = LoginJudge(
      policy: lane.policy, agent: lane.commons.configuration.agent,
      openCredential: lane.commons.openCredential)
    let verdict = judge.verdict(on: request, wall: lane.wallTime, monotonic: lane.now)
    guard case .granted(let grant, var credential) = verdict else {
      return handle(.loginVerdict(verdict))
    }
    let limit = lane.policy?.limits.maxSessionsPerPrincipal
    guard lane.commons.sessions.enter(grant.principal.subject, limit: limit) else {
      return terminate(
        .tooManySessions,
        detail: "\(grant.principal.subject) has \(limit ?? 0) sessions, which is the limit")
    }
    self.grant = grant
    password = credential.password
    credential.cachedKeys = lane.scramKeys.keys(for: grant, password: credential.password)
    handle(.loginVerdict(.granted(grant, credential)))
  }

  private func opened() {
    isOpened = true
    if let grant, let password, let keys = core.scramKeys {
      lane.scramKeys.keep(keys, for: grant, password: password)
    }
    password = nil
    lane.commons.sessions.sessionOpened()
    lane.commons.metrics.sessions.increment()
    lane.commons.metrics.sessionsOpen.increment()
  }

  /// Forgets the session when both legs are gone.
  private func endIfDone() {
    guard !client.isOpen, !server.isOpen, !isConnecting else { return }
    handshakeTimer?.cancel()
    drainTimer?.cancel()
    completeCancel()
    lane.remove(self)
    if let mintedKey { lane.commons.cancels.remove(mintedKey) }
    mintedKey = nil
    if let grant { lane.commons.sessions.leave(grant.principal.subject) }
    grant = nil
    password = nil
    if isOpened {
      isOpened = false
      lane.commons.sessions.sessionClosed()
      lane.commons.metrics.sessionsOpen.decrement()
    }
  }

  // MARK: Opening the server leg

  private func connectServer() {
    guard let grant, !isConnecting else { return }
    isConnecting = true
    lane.connector.open(ServerTarget(grant.connection)).whenComplete { result in
      self.isConnecting = false
      switch result {
      case .success(let channel): self.serverOpened(channel)
      case .failure(let error): self.serverFailed(error)
      }
    }
  }

  private func serverOpened(_ leg: ServerChannel) {
    guard client.isOpen, !core.isClosed else {
      leg.channel.close(promise: nil)
      return endIfDone()
    }
    do {
      try leg.channel.pipeline.syncOperations.addHandler(
        SessionLegHandler<ServerLegRole>(session: self))
    } catch {
      leg.channel.close(promise: nil)
      return serverFailed(error)
    }
    recorder.serverAddress = leg.address
    recorder.serverTLS = leg.tls
    let key = lane.commons.cancels.mint(for: self)
    mintedKey = key
    handle(
      .serverConnected(
        ServerConnected(
          protection: leg.protection, endpointBinding: leg.channelBinding,
          scramNonce: ServerChannel.freshNonce(), mintedKey: key)))
  }

  private func serverFailed(_ error: any Error) {
    let failure = error as? ServerLegFailure
    handle(
      .serverConnectFailed(
        ServerConnectFailure(
          reason: failure?.reason ?? .serverUnreachable, detail: failure?.detail ?? "\(error)")))
    endIfDone()
  }

  // MARK: Cancelling

  /// Cancels what this session runs, for who showed its key; `done` when the server was told.
  func cancelRequested(from address: String, done: EventLoopPromise<Void>) {
    guard mintedKey != nil else { return done.succeed() }
    recorder.recordCancel(of: self, from: address)
    cancelWaiters.append(done)
    wantCancel()
  }

  private func wantCancel() {
    cancelWanted = true
    markDirty()
  }

  private func forwardCancel() {
    cancelWanted = false
    guard let key = core.serverCancelKey, let grant, server.isOpen else { return completeCancel() }
    let waiters = cancelWaiters
    cancelWaiters = []
    CancelForwarder.forward(
      key, to: ServerTarget(grant.connection), through: &lane.connector,
      deadline: lane.commons.configuration.limits.serverConnectDeadline
    ).whenComplete { _ in
      for waiter in waiters { waiter.succeed() }
    }
  }

  private func completeCancel() {
    let waiters = cancelWaiters
    cancelWaiters = []
    for waiter in waiters { waiter.succeed() }
  }

  /// This leg brought a CancelRequest behind TLS. Its close tells the client that the cancel was
  /// delivered, so it waits for that.
  private func cancelOther(_ key: CancelKey) {
    lane.cancel(key, from: facts.address).whenComplete { _ in self.close(self.client) }
  }

  // MARK: Timers

  private func set(_ effect: TimerEffect) {
    switch effect {
    case .set(let timer, let after):
      store(
        timer,
        lane.loop.scheduleTask(in: TimeAmount(after)) { self.handle(.timerFired(timer)) })
    case .cancel(let timer): store(timer, nil)
    }
  }

  private func store(_ timer: SessionTimer, _ task: Scheduled<Void>?) {
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

extension Identifier128 {
  /// 128 bits from the system's secure source.
  static func random() -> Identifier128 {
    var random = SystemRandomNumberGenerator()
    return Identifier128(high: random.next(), low: random.next())
  }
}
