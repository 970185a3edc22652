package import GatewayModel
internal import NIOCore
package import PostgresWire

/// One client session as a state machine: events in, effects out.
///
/// Pure: no clock, randomness, channel or promise inside. Peer bytes never trap. The same events
/// at the same times give the same effects.
///
/// The facade over the machines of each phase: ``StartupParameters`` and the client's login,
/// ``ServerAuthentication``, and ``Pipeline``, which joins statements with their replies.
package struct SessionCore: Sendable {
  let configuration: SessionConfiguration
  let poison: Poison
  var phase: Phase = .created
  /// What the event at hand has caused so far.
  var effects = Effects()

  var isClientOpen = false
  var isServerOpen = false
  /// The server leg was asked for, so that one close is due to it.
  var isServerWanted = false
  /// The client broke the protocol: the server was shown how, and nothing more is taken.
  var isClientMuted = false
  /// The client sent Terminate.
  var hasClientTerminated = false

  var clientFrames = FrameReader()
  var serverFrames = FrameReader()
  var pipeline = Pipeline()

  var stall: ClientStall? = .login
  /// What came from the client since the session stands still.
  var backlog = ByteBuffer()
  var isReadingPaused = false

  var grant: LoginGrant?
  /// The configuration's, with what the granted connection allows.
  var policy: StatementPolicy
  /// The configuration's, with the bounds of the grant.
  var limits: SessionLimits
  var credential: ServerCredential?
  /// The protocol version spoken with the client; says how long a key it may be given.
  package internal(set) var clientVersion = ProtocolVersion.v3_0
  /// Given to the client in place of ``serverCancelKey``.
  var mintedKey: CancelKey?
  /// Of the application: as the server leg was stamped, and as the client asserts it.
  var names: ApplicationNames?
  var sessionOpened = false
  var openedAt = MonotonicTime(nanoseconds: 0)
  /// When the client last sent something, or was last ready to.
  var lastActiveAt = MonotonicTime(nanoseconds: 0)
  var clientBytes: UInt64 = 0
  var serverBytes: UInt64 = 0
  /// What the client is told last, behind everything else that this event sends it.
  var clientFarewell: ByteBuffer?
  var serverFarewell: ByteBuffer?
  /// An execution's rows were limited, so that a timer may run.
  var limitsRows = false
  /// The last error of the server that ends a connection.
  var lastFatal: ServerError?

  var serverVersion: ServerVersion

  /// The server's own key, for a CancelRequest on the session's behalf; `nil` until it is known.
  package internal(set) var serverCancelKey: CancelKey?
  /// What SCRAM derived from the credential, for the next login with it; `nil` without SCRAM.
  package internal(set) var scramKeys: ScramKeys?

  package init(configuration: SessionConfiguration) {
    self.configuration = configuration
    poison = Poison(nonce: configuration.poisonNonce)
    policy = configuration.policy
    limits = configuration.limits
    serverVersion = ServerVersion(asking: configuration.serverVersion)
  }

  /// Takes a fact in and says what to do about it.
  ///
  /// Events after the session closed are taken without effect.
  package mutating func handle(_ event: consuming Event, at now: MonotonicTime) -> Effects {
    switch event {
    case .clientConnected: start(at: now)
    case .clientBytes(let bytes): take(clientBytes: bytes, at: now)
    case .serverBytes(let bytes): take(serverBytes: bytes, at: now)
    case .clientClosed: loseClient(at: now)
    case .serverClosed: loseServer(at: now)
    case .loginVerdict(let verdict): take(verdict, at: now)
    case .serverConnected(let connected): take(connected, at: now)
    case .serverConnectFailed(let failure): take(failure, at: now)
    case .scramKeysDerived(let keys): take(keys, at: now)
    case .timerFired(let timer): take(timer, at: now)
    case .terminate(let reason, let detail): end(reason, detail: detail, at: now)
    }
    if let bytes = serverFarewell.take() { effects.server.send.append(bytes) }
    if let bytes = clientFarewell.take() { effects.client.send.append(bytes) }
    guard !effects.isEmpty else { return Effects() }
    var done = Effects()
    swap(&done, &effects)
    return done
  }

  /// The statement the server is answering now; `nil` when it is idle.
  package var currentStatement: StatementID? { pipeline.queue.cancelTarget?.statement }

  /// Whether statements can pass, from the first ReadyForQuery on.
  package var isReady: Bool {
    if case .ready = phase { return true }
    return false
  }

  /// Nothing more will be recorded or sent.
  package var isClosed: Bool {
    if case .closed = phase { return true }
    return false
  }

  /// Whether what was sent to the client so far ends with a whole message.
  package var isBetweenServerMessages: Bool { serverFrames.isAtBoundary }

  /// Peer bytes held inside now, for memory accounting.
  package var bufferedBytes: Int {
    clientFrames.heldBytes + serverFrames.heldBytes + backlog.readableBytes
      + pipeline.catalogue.retainedBytes
      + pipeline.queue.count * MemoryLayout<ReplyQueue.Entry>.stride
  }

  private mutating func take(clientBytes bytes: ByteBuffer, at now: MonotonicTime) {
    clientBytes &+= UInt64(clamping: bytes.readableBytes)
    lastActiveAt = now
    switch phase {
    case .created, .draining, .closed: break
    case .startup, .password:
      if backlog.readableBytes == 0 { backlog = bytes } else { backlog.writeImmutableBuffer(bytes) }
      logInClient(at: now)
    case .verifying, .connecting, .authenticating, .starting: keepForLater(bytes)
    case .ready:
      if stall == nil { walkClient(bytes, at: now) } else { keepForLater(bytes) }
    }
  }

  private mutating func take(serverBytes bytes: ByteBuffer, at now: MonotonicTime) {
    serverBytes &+= UInt64(clamping: bytes.readableBytes)
    guard isServerOpen else { return }
    walkServer(bytes, at: now)
  }

  private mutating func take(_ timer: SessionTimer, at now: MonotonicTime) {
    switch (timer, phase) {
    case (.handshake, .ready), (.handshake, .draining), (.handshake, .closed),
      (.handshake, .created):
      break
    case (.handshake, _):
      failLogin(
        ClientError(ending: .handshakeTimeout), reason: .handshakeTimeout,
        detail: "no ready session after \(limits.handshakeTimeout)", at: now)
    case (.idle, _): checkIdling(at: now)
    case (.refusedResult, .closed): break
    case (.refusedResult, _): if pipeline.progress.isRefused { endOverLimit(at: now) }
    case (.drain, .closed): break
    case (.drain, _) where isClientMuted:
      end(.protocolViolation, detail: "the server did not answer the client's violation", at: now)
    case (.drain, .draining):
      close(hasClientTerminated ? .clientTerminated : .clientClosed, at: now)
    case (.drain, _): break
    }
  }
}
