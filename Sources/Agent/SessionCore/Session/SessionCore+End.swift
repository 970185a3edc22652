internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// How a session ends. Everything open is ended in the record first; each leg is closed once.
extension SessionCore {
  /// Ends the session for a reason of ours, with a FATAL error to the client.
  ///
  /// - Parameter error: What the client is told, where the reason alone does not say it.
  mutating func end(
    _ reason: ReasonCode, detail: String, error: ClientError? = nil, at now: MonotonicTime
  ) {
    switch phase {
    case .created, .closed:
      phase = .closed
      return
    case .ready, .draining: break
    case .startup, .password, .verifying, .connecting, .authenticating, .starting:
      return failLogin(ClientError(ending: reason), reason: reason, detail: detail, at: now)
    }
    let error = error ?? ClientError(ending: reason)
    switch reason {
    case .sessionKilled, .grantRevoked, .agentRemoved, .idleTimeout, .shutdown,
      .recordLogUnavailable:
      break
    default: recordRefusal(reason, detail: detail, error)
    }
    close(.ended(reason), error: error, at: now)
  }

  /// The server did what the protocol does not allow.
  mutating func failServer(_ what: String, at now: MonotonicTime) {
    failServer(detail: "the server sent \(what)", at: now)
  }

  /// The server sent a message that cannot be read.
  mutating func failServer(_ flaw: WireError, at now: MonotonicTime) {
    failServer(detail: "the server broke the protocol: \(flaw.message)", at: now)
  }

  private mutating func failServer(detail: String, at now: MonotonicTime) {
    if let startup = phase.startup {
      return failLogin(
        .serverUnavailable(startup.connection), reason: .serverProtocol, detail: detail, at: now)
    }
    end(.serverProtocol, detail: detail, at: now)
  }

  mutating func loseClient(at now: MonotonicTime) {
    guard isClientOpen else { return }
    isClientOpen = false
    backlog = ByteBuffer()
    switch phase {
    case .closed: break
    case .ready where pipeline.queue.hasExecution && clientFrames.isAtBoundary:
      // The server goes on with what it has: its answers say what became of it.
      if maySendTerminate { effects.server.send.append(Self.terminate) }
      phase = .draining
      stall = nil
      effects.timers.append(.set(.drain, after: limits.drainTimeout))
    default: close(hasClientTerminated ? .clientTerminated : .clientClosed, at: now)
    }
  }

  mutating func loseServer(at now: MonotonicTime) {
    guard isServerOpen || isServerWanted else { return }
    isServerOpen = false
    isServerWanted = false
    switch phase {
    case .closed: break
    case .ready, .draining:
      let cause: SessionClosed.Cause =
        hasClientTerminated ? .clientTerminated : isClientOpen ? .serverClosed : .clientClosed
      // A server that ends a connection says why, but for a message of an impossible length.
      let isUnexplained = cause == .serverClosed && lastFatal == nil && !isClientMuted
      close(cause, error: isUnexplained ? .serverLost : nil, at: now)
    case .authenticating(let startup, let machine) where machine.mayHaveLostToCertificate:
      failLogin(
        .serverUnavailable(startup.connection), reason: .serverTLS,
        detail: "the server closed the leg when it had seen the role's client certificate; check"
          + " that the server's ssl_ca_file has the authority of the certificate", at: now)
    case .created, .startup, .password, .verifying, .connecting, .authenticating, .starting:
      failLogin(
        .serverUnavailable(phase.startup?.connection ?? ""), reason: .serverUnreachable,
        detail: "the server closed the leg during login", at: now)
    }
  }

  /// Ends what is open, closes both legs and the session.
  mutating func close(
    _ cause: SessionClosed.Cause, error: ClientError? = nil, at now: MonotonicTime
  ) {
    // A client that goes away does not stop what the server does for it; a refusal of ours does.
    let cancels = error != nil && pipeline.queue.hasExecution
    pipeline.abandon(at: now, audit: &effects.audit)
    if sessionOpened {
      effects.audit.append(
        .sessionClose(
          SessionClosed(
            cause: cause, sqlstate: error?.sqlstate ?? lastFatal?.sqlstate ?? "",
            message: error?.message ?? lastFatal?.message ?? "",
            statements: pipeline.lastStatement, clientBytes: clientBytes,
            serverBytes: serverBytes, durationNanoseconds: now.nanoseconds(since: openedAt))))
      sessionOpened = false
    }
    closeServer(cancelling: cancels)
    // In the middle of a message an error would be taken for its body.
    if isClientOpen, serverFrames.isAtBoundary, let error { clientFarewell = error.bytes }
    closeClient()
    effects.timers.append(.cancel(.handshake))
    effects.timers.append(.cancel(.drain))
    if limits.idleTimeout != nil { effects.timers.append(.cancel(.idle)) }
    if limitsRows { effects.timers.append(.cancel(.refusedResult)) }
    phase = .closed
    stall = nil
    backlog = ByteBuffer()
    clientFrames = FrameReader()
    serverFrames = FrameReader()
    pipeline.catalogue = StatementCatalogue()
    credential = nil
  }

  mutating func closeClient() {
    guard isClientOpen else { return }
    isClientOpen = false
    effects.client.close = true
  }

  private mutating func closeServer(cancelling: Bool) {
    guard isServerOpen || isServerWanted else { return }
    if isServerOpen {
      effects.server.cancel = cancelling && serverCancelKey != nil
      if maySendTerminate, isLoggedIn { serverFarewell = Self.terminate }
    }
    isServerOpen = false
    isServerWanted = false
    effects.server.close = true
  }

  /// In the middle of a message Terminate would be taken for its body.
  private var maySendTerminate: Bool {
    clientFrames.isAtBoundary && !hasClientTerminated && !isClientMuted
  }

  private var isLoggedIn: Bool {
    switch phase {
    case .starting, .ready: true
    // Terminate was sent when the drain began.
    case .draining: false
    case .created, .startup, .password, .verifying, .connecting, .authenticating, .closed: false
    }
  }

  /// What is recorded of a refused statement.
  func refused(_ refusal: StatementRefusal) -> Refused {
    var record = refused(refusal.reason, detail: refusal.detail, ClientError(refusal))
    record.rule = refusal.rule
    return record
  }

  func refused(_ reason: ReasonCode, detail: String, _ error: ClientError) -> Refused {
    Refused(
      reason: reason, detail: detail, sqlstate: error.sqlstate, message: error.message,
      principal: grant?.principal, tokenID: grant?.tokenID,
      connection: grant?.connection.name ?? "", databaseRole: grant?.role ?? "")
  }

  mutating func recordRefusal(_ reason: ReasonCode, detail: String, _ error: ClientError) {
    effects.audit.append(.refusal(refused(reason, detail: detail, error)))
  }

  private static let terminate: ByteBuffer = {
    var bytes = ByteBuffer()
    FrontendMessage.writeTerminate(into: &bytes)
    return bytes
  }()
}
