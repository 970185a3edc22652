internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// The client's way in: StartupMessage, token, verdict.
extension SessionCore {
  mutating func start(at now: MonotonicTime) {
    guard case .created = phase else { return }
    phase = .startup
    isClientOpen = true
    openedAt = now
    effects.timers.append(.set(.handshake, after: limits.handshakeTimeout))
  }

  /// Reads what the client has sent of its login.
  mutating func logInClient(at now: MonotonicTime) {
    if case .startup = phase { readStartup(at: now) }
    if case .password(let startup) = phase { readPassword(startup, at: now) }
  }

  private mutating func readStartup(at now: MonotonicTime) {
    let packet: StartupPacket
    let asked = backlog
    do throws(WireError) {
      guard let next = try StartupPacket.next(in: &backlog) else { return }
      packet = next
    } catch {
      let unsupported = error.code == .unsupportedVersion
      return failLogin(
        ClientError(
          sqlstate: unsupported ? "0A000" : "08P01",
          message: unsupported
            ? Self.unsupported(asked) : "invalid startup packet"),
        reason: unsupported ? .unsupportedProtocol : .protocolViolation, detail: error.message,
        at: now)
    }
    switch packet {
    case .cancelRequest(let key):
      effects.cancelRequest = key
      effects.timers.append(.cancel(.handshake))
      closeClient()
      phase = .closed
    case .sslRequest, .gssEncryptionRequest:
      failLogin(
        ClientError(sqlstate: "0A000", message: "unsupported frontend protocol: already encrypted"),
        reason: .protocolViolation, detail: "an encryption request inside the session", at: now)
    case .startup(let message): read(message, at: now)
    }
  }

  /// The server's own wording. The version stands behind the packet's length.
  private static func unsupported(_ packet: ByteBuffer) -> String {
    let code = packet.getInteger(at: packet.readerIndex + 4, as: UInt32.self) ?? 0
    return "unsupported frontend protocol \(ProtocolVersion(code: code)): server supports "
      + "\(ProtocolVersion.v3_0) to \(ProtocolVersion.newest)"
  }

  private mutating func read(_ message: StartupMessage, at now: MonotonicTime) {
    do throws(StartupParameters.Refusal) {
      let startup = try StartupParameters(message)
      var answer = ByteBuffer()
      startup.negotiation?.encode(into: &answer)
      BackendMessage.Authentication.cleartextPassword.encode(into: &answer)
      effects.client.send.append(answer)
      clientVersion = startup.version
      phase = .password(startup)
    } catch {
      failLogin(
        ClientError(sqlstate: error.sqlstate, message: error.message, hint: error.hint),
        reason: error.reason, detail: error.message, startupMessage: message, at: now)
    }
  }

  private mutating func readPassword(_ startup: StartupParameters, at now: MonotonicTime) {
    let header: FrontendHeader
    do throws(WireError) {
      guard let next = try FrontendHeader.peek(backlog, limit: limits.maximumTokenBytes) else {
        return
      }
      header = next
    } catch {
      return failPassword(error.message, at: now)
    }
    guard header.type == .password else {
      return failPassword("a message \(header.type) where a password is due", at: now)
    }
    guard var message = backlog.readSlice(length: header.messageLength) else { return }
    message.moveReaderIndex(forwardBy: MessageHeaderLayout.byteCount)
    backlog.discardReadBytes()
    do throws(WireError) {
      let password = try FrontendMessage.PasswordMessage(decoding: message)
      effects.verifyLogin = LoginRequest(
        connection: startup.connection, requestedRole: startup.user,
        applicationName: startup.applicationName, token: Secret(password.password.bytes))
      phase = .verifying(startup)
      if backlog.readableBytes > 0 { pauseReading() }
    } catch {
      failPassword(error.message, at: now)
    }
  }

  private mutating func failPassword(_ detail: String, at now: MonotonicTime) {
    failLogin(
      ClientError(sqlstate: "08P01", message: "expected password response"),
      reason: .protocolViolation, detail: detail, at: now)
  }

  mutating func take(_ verdict: LoginVerdict, at now: MonotonicTime) {
    guard case .verifying(let startup) = phase else { return }
    switch verdict {
    case .granted(let grant, let credential):
      guard now < grant.expiry else {
        return refuse(
          LoginRefusal(
            reason: .tokenExpired, detail: "the token expired during login",
            principal: grant.principal, tokenID: grant.tokenID), startup, at: now)
      }
      self.grant = grant
      policy.take(grant.connection)
      limits.take(grant)
      self.credential = credential
      isServerWanted = true
      effects.server.connect = true
      phase = .connecting(startup)
    case .refused(let refusal): refuse(refusal, startup, at: now)
    }
  }

  private mutating func refuse(
    _ refusal: LoginRefusal, _ startup: StartupParameters, at now: MonotonicTime
  ) {
    failLogin(
      .loginRefused(startup), reason: refusal.reason, detail: refusal.detail,
      principal: refusal.principal, tokenID: refusal.tokenID, at: now)
  }

  /// Records why the session does not begin, tells the client, and closes.
  mutating func failLogin(
    _ error: ClientError, reason: ReasonCode, detail: String, principal: Principal? = nil,
    tokenID: String? = nil, startupMessage: StartupMessage? = nil, at now: MonotonicTime
  ) {
    let startup = phase.startup
    let user = startup?.user ?? startupMessage?["user"] ?? ""
    effects.audit.append(
      .refusal(
        Refused(
          reason: reason, detail: detail, sqlstate: error.sqlstate, message: error.message,
          principal: principal ?? grant?.principal, tokenID: tokenID ?? grant?.tokenID,
          connection: startup?.connection ?? startupMessage?["database"] ?? user,
          databaseRole: grant?.role ?? user,
          applicationName: startup?.applicationName ?? startupMessage?["application_name"] ?? "")))
    close(.ended(reason), error: error, at: now)
  }
}

extension Phase {
  /// What the client asked for, while it logs in.
  var startup: StartupParameters? {
    switch self {
    case .password(let startup), .verifying(let startup), .connecting(let startup),
      .authenticating(let startup, _), .starting(let startup):
      startup
    case .created, .startup, .ready, .draining, .closed: nil
    }
  }
}
