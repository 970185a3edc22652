internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// The server leg's way in: connected, authenticated, set up.
extension SessionCore {
  mutating func take(_ connected: ServerConnected, at now: MonotonicTime) {
    guard case .connecting(let startup) = phase, let grant, let credential else {
      // The session ended while the leg opened: its close was asked for already.
      return
    }
    isServerOpen = true
    mintedKey = connected.mintedKey
    sessionOpened = true
    effects.audit.append(
      .sessionOpen(SessionOpened(grant: grant, applicationName: startup.applicationName)))
    names = ApplicationNames(
      stamped: StartupParameters.stampedName(
        session: configuration.session, subject: grant.principal.subject),
      asserted: startup.applicationName)
    var bytes = ByteBuffer()
    startup.serverMessage(
      grant: grant, session: configuration.session, version: serverVersion.current
    ).encode(into: &bytes)
    effects.server.send.append(bytes)
    self.credential = nil
    phase = .authenticating(
      startup,
      ServerAuthentication(
        role: grant.role, credential: credential, connected: connected,
        binding: configuration.channelBinding, iterationCap: limits.maximumScramIterations))
  }

  mutating func take(_ failure: ServerConnectFailure, at now: MonotonicTime) {
    let startup: StartupParameters
    switch phase {
    case .connecting(let asked):
      isServerWanted = false
      startup = asked
    case .authenticating(let asked, _): startup = asked
    default: return
    }
    failLogin(
      .serverUnavailable(startup.connection), reason: failure.reason, detail: failure.detail,
      at: now)
  }

  mutating func take(_ keys: ScramKeys, at now: MonotonicTime) {
    // A session that ended meanwhile has no use for them.
    guard case .authenticating(let startup, var machine) = phase else { return }
    let step = machine.receive(keys)
    take(step, machine, startup, at: now)
  }

  /// A whole message of the server before ReadyForQuery. Nothing of it passes as it is.
  mutating func takeLoginMessage(type: UInt8, body: ByteBuffer, at now: MonotonicTime) {
    guard let startup = phase.startup else { return }
    do throws(WireError) {
      switch (BackendMessageType(rawValue: type), phase) {
      case (.errorResponse, _): takeLoginError(body, startup, at: now)
      case (.noticeResponse, .authenticating): break
      case (.noticeResponse, .starting): sendClient(type: type, body)
      case (.negotiateProtocolVersion, .authenticating):
        let answer = try BackendMessage.NegotiateProtocolVersion(decoding: body)
        if let wrong = serverVersion.negotiate(answer) { failServer(wrong, at: now) }
      case (.authentication, .authenticating(_, var machine)):
        serverVersion.settle()
        let step = machine.receive(try BackendMessage.Authentication(decoding: body))
        take(step, machine, startup, at: now)
      case (.parameterStatus, .starting):
        take(try BackendMessage.ParameterStatus(decoding: body), startup, at: now)
      case (.backendKeyData, .starting):
        take(try BackendMessage.BackendKeyData(decoding: body).key, at: now)
      case (.readyForQuery, .starting):
        let status = try BackendMessage.ReadyForQuery(decoding: body).status
        pipeline.transactionStatus = status.rawValue
        sendClient(type: type, body)
        becomeReady(at: now)
      default:
        failServer("a message of type \(type) when it is not due", at: now)
      }
    } catch {
      failServer(error, at: now)
    }
  }

  /// The server's key stays here; the client is given its own.
  private mutating func take(_ key: CancelKey, at now: MonotonicTime) {
    if let wrong = serverVersion.objection(to: key) { return failServer(wrong, at: now) }
    serverCancelKey = key
    guard let mintedKey else { return }
    var bytes = ByteBuffer()
    BackendMessage.BackendKeyData(key: mintedKey).encode(into: &bytes)
    effects.client.send.append(bytes)
  }

  private mutating func take(
    _ step: ServerAuthentication.Step, _ machine: ServerAuthentication,
    _ startup: StartupParameters, at now: MonotonicTime
  ) {
    switch step {
    case .send(let bytes):
      effects.server.send.append(bytes)
      phase = .authenticating(startup, machine)
    case .derive(let derivation):
      effects.deriveKeys = derivation
      phase = .authenticating(startup, machine)
    case .wait: phase = .authenticating(startup, machine)
    case .authenticated:
      scramKeys = machine.keys
      var bytes = ByteBuffer()
      BackendMessage.Authentication.ok.encode(into: &bytes)
      effects.client.send.append(bytes)
      phase = .starting(startup)
    case .failed(let detail):
      failLogin(
        .serverUnavailable(startup.connection), reason: .serverAuthentication, detail: detail,
        at: now)
    }
  }

  /// The client sees its own application name, not the one the server leg was stamped with.
  private mutating func take(
    _ status: BackendMessage.ParameterStatus, _ startup: StartupParameters, at now: MonotonicTime
  ) {
    guard !violatesPin(status) else {
      return failLogin(
        ClientError(ending: .protectedSetting), reason: .protectedSetting,
        detail: "the server reports \(status.name) = \"\(status.value)\"", at: now)
    }
    var bytes = ByteBuffer()
    let isName = status.name == "application_name"
    BackendMessage.ParameterStatus(
      name: status.name, value: isName ? startup.applicationName : status.value
    ).encode(into: &bytes)
    effects.client.send.append(bytes)
  }

  /// Whether a setting on which the reading of statement texts rests is not as it was pinned.
  func violatesPin(_ status: BackendMessage.ParameterStatus) -> Bool {
    switch status.name {
    case "client_encoding": !StartupParameters.isHarmless(encoding: status.value)
    case "standard_conforming_strings": status.value != "on"
    default: false
    }
  }

  /// The agent's own login failing is nobody's business but the operator's; that the server starts
  /// up, is full, or has no such database is shown as the server says it.
  private mutating func takeLoginError(
    _ body: ByteBuffer, _ startup: StartupParameters, at now: MonotonicTime
  ) {
    let error = ServerError(
      body: body, maximumMessageBytes: limits.maximumRecordedMessageBytes)
    let remedy = serverVersion.remedy(for: error)
    let detail = "the server answered \(error.sqlstate): \(error.message)\(remedy ?? "")"
    if error.sqlstate.hasPrefix("28") {
      return failLogin(
        .serverUnavailable(startup.connection), reason: .serverAuthentication, detail: detail,
        at: now)
    }
    var shown = ClientError(sqlstate: error.sqlstate, message: error.message)
    // What the agent asked for is nothing to the client.
    if !error.hasSQLState || remedy != nil { shown = .serverUnavailable(startup.connection) }
    failLogin(shown, reason: .serverUnreachable, detail: detail, at: now)
  }

  private mutating func becomeReady(at now: MonotonicTime) {
    effects.timers.append(.cancel(.handshake))
    phase = .ready
    watchIdling(at: now)
    resumeClient(at: now)
  }

  /// Appends a message of the server whose body is shown as it is.
  private mutating func sendClient(type: UInt8, _ body: ByteBuffer) {
    var bytes = ByteBuffer()
    bytes.writeInteger(type)
    bytes.writeInteger(UInt32(clamping: body.readableBytes + 4))
    bytes.writeImmutableBuffer(body)
    effects.client.send.append(bytes)
  }
}
