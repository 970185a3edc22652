internal import GatewayModel
internal import Logging
import NIOCore
import NIOSSL
internal import PostgresWire
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
  let judge: SessionJudge
  var core: SessionCore
  var recorder = SessionRecorder()
  /// The grant that let the session in, once it is in.
  var grant: LoginGrant?
  /// Of the server leg, until the login is over.
  var password: Secret?
  var certificate: ClientCertificate?
  var isDirty = false
  var isConnecting = false
  var isLoggedIn = false
  var mintedKey: CancelKey?
  /// A cancel to go to the server behind this tick's records; who waits is told when that is done.
  var cancelWish: CancelWish?
  /// One is on its way; the next waits for it, so that a client cannot make many connections.
  var isCancelling = false
  var cancelWaiters: [EventLoopPromise<Void>] = []
  var cancelAllowance: RecordAllowance
  /// What goes to the server waits until a cancel has arrived there.
  var isServerHeld = false
  /// The lane tells this session of the next sync.
  var isAwaitingSync = false
  var handshakeTimer: Scheduled<Void>?
  var drainTimer: Scheduled<Void>?
  var idleTimer: Scheduled<Void>?
  var refusedResultTimer: Scheduled<Void>?

  /// - Parameter id: Minted by the caller at accept, so that a refused handshake has one too.
  init(lane: SessionLane, id: SessionID, facts: ClientLegFacts) {
    self.lane = lane
    self.id = id
    self.facts = facts
    judge = SessionJudge(lane: lane)
    let bounds = lane.commons.configuration.limits
    cancelAllowance = RecordAllowance(perSecond: bounds.cancelsPerSecond)
    var limits = SessionLimits()
    limits.idleTimeout = bounds.idleTimeout
    let spent = Duration.nanoseconds((NIODeadline.now() - facts.accepted).nanoseconds)
    limits.handshakeTimeout = max(
      .seconds(1), bounds.handshakeDeadline - spent)
    if let bytes = lane.policy?.limits.maxStatementBytes { limits.setMaximumStatementBytes(bytes) }
    core = SessionCore(
      configuration: SessionConfiguration(
        session: id, poisonNonce: .random(), limits: limits, policy: StatementPolicy(),
        judge: judge,
        serverVersion: lane.commons.configuration.serverProtocol.version,
        channelBinding: lane.commons.configuration.serverChannelBinding.mode))
  }

  // MARK: The client leg

  func clientAttached(_ context: ChannelHandlerContext) {
    client.attach(
      context,
      transport: try? context.pipeline.syncOperations.context(
        handlerType: NIOSSLServerHandler.self))
    handle(.clientConnected)
    lane.add(self)
  }

  func clientReceived(_ bytes: ByteBuffer) {
    guard client.closing < .flushing else { return }
    lane.count(fromClient: bytes.readableBytes)
    handle(.clientBytes(bytes))
  }

  func clientWritability(_ isWritable: Bool) {
    server.setPausedByOther(!isWritable || client.holdsTooMuch)
  }

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
    if !isLoggedIn, core.isReady { loggedIn() }
  }

  func serverWritability(_ isWritable: Bool) {
    client.setPausedByOther(!isWritable || isServerHeld || server.isHolding)
  }

  /// The server leg broke; its end is told by ``serverClosed()``.
  func serverBroke(_ error: any Error) {
    guard server.isOpen, !isLoggedIn,
      let failure = ServerLegFailure.brokenTLS(with: recorder.serverAddress, error)
    else { return }
    serverFailed(failure)
  }

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

  /// Whether the policy in force still lets the session in as it is.
  var isAllowed: Bool { grant == nil || judge.renew() }

  /// The records of this tick are lost, so what they cover must not reach the server.
  ///
  /// Bytes for the client go out: they answer statements recorded in earlier ticks, and cutting
  /// them would leave half a message in front of the error that follows. But for those that wait
  /// for the medium.
  func recordsLost() {
    server.dropPending()
    client.dropHeld()
    cancelWish = nil
    completeCancel()
  }

  /// The tick's records are in the log: performs what waited for them.
  func flush() {
    isDirty = false
    if server.isHolding || client.isHolding { lane.awaitSync(self) }
    // What it is to cancel may not have gone out yet.
    if cancelWish != nil, !isCancelling, !server.isHolding { forwardCancel() }
    let linger = TimeAmount(lane.commons.configuration.limits.lingerDeadline)
    if !isServerHeld { server.flush(linger: linger) }
    client.flush(linger: linger)
  }
}
