internal import GatewayModel
internal import PolicyEngine
import SessionCore
internal import SessionToken

/// Judges a login by the policy in force: bundle, token, connection, grant, credential, in this
/// order.
struct LoginJudge {
  let policy: PolicySnapshot?
  let agent: AgentID
  let openCredential: CredentialOpener
  /// How fresh the policy is; `nil` where that is not judged.
  var lease: LeaseSnapshot?
  /// Whether an administrator has removed the agent.
  var isRemoved = false

  /// - Parameters:
  ///   - address: The client's, as in ``ClientLegFacts/address``.
  ///   - entered: What the session's statements are judged by, when the login is granted.
  func verdict(
    on request: LoginRequest, from address: String, wall: WallTime, monotonic: MonotonicTime,
    entered: (EnteredSession) -> Void
  ) -> LoginVerdict {
    guard let policy else {
      return .refused(
        LoginRefusal(
          reason: .noBundle,
          detail: "the agent has no policy bundle yet; check its link to the control plane"))
    }
    guard wall < policy.expiresAt else {
      return .refused(
        LoginRefusal(
          reason: .bundleExpired,
          detail: "bundle \(policy.version) has expired; check the link to the control plane"))
    }
    if isRemoved {
      return .refused(
        LoginRefusal(reason: .agentRemoved, detail: "an administrator has removed the agent"))
    }
    if let detail = lease?.refusal(at: wall) {
      return .refused(LoginRefusal(reason: .policyStale, detail: detail))
    }
    let token: VerifiedToken
    do throws(TokenError) {
      token = try policy.verifier.verify(request.token, connection: request.connection, now: wall)
    } catch {
      return .refused(refusal(error, request, policy))
    }
    func refused(_ reason: ReasonCode, _ detail: String) -> LoginVerdict {
      .refused(
        LoginRefusal(
          reason: reason, detail: detail, principal: token.principal, tokenID: token.tokenID))
    }
    guard let connection = policy.connection(named: request.connection) else {
      return refused(.noSuchConnection, Self.noConnection(request.connection))
    }
    let entry = EntryRequest(
      principal: token.principal, actors: token.actors, connection: connection.name,
      labels: connection.labels, requestedRole: request.requestedRole, clientAddress: address,
      application: request.applicationName, at: wall)
    switch policy.policies.entry(entry) {
    case .deny(let reason, let detail):
      return refused(
        reason,
        "\(token.principal.subject) asked for the role \"\(request.requestedRole)\": \(detail)")
    case .allow(let policyName, let grant, let role):
      let credential: ServerCredential
      do {
        credential = try self.credential(of: role, at: connection)
      } catch {
        return refused(.credentialMissing, error.detail)
      }
      let session = EnteredSession(entry, connection: connection, role: role, snapshot: policy)
      var granted = LoginGrant(
        principal: token.principal, actors: token.actors, tokenID: token.tokenID,
        tokenExpiresUnixSeconds: UInt64(
          clamping: token.expiresAt.unixNanoseconds / 1_000_000_000),
        expiry: Self.deadline(token.expiresAt, wall: wall, monotonic: monotonic),
        connection: connection, role: role, grantName: grant,
        bundleVersion: policy.version, bundleHash: policy.hash)
      granted.policyName = policyName
      granted.take(session.policy)
      entered(session)
      return .granted(granted, credential)
    }
  }

  /// A credential that could not be had; the detail is for the record.
  struct CredentialFailure: Error {
    var detail: String
  }

  /// The credential of a registered role. A role registered without any credential logs in
  /// without a password, for servers that ask for none.
  func credential(
    of role: String, at connection: Connection
  ) throws(CredentialFailure) -> ServerCredential {
    guard let registered = connection.roles.first(where: { $0.name == role }) else {
      throw CredentialFailure(
        detail: "the connection \"\(connection.name)\" has no role \"\(role)\";"
          + " register the role with its credential")
    }
    if registered.credentials.isEmpty { return ServerCredential(password: nil) }
    do {
      let opened = try openCredential(connection, role)
      return ServerCredential(password: opened.password, certificate: opened.certificate)
    } catch {
      throw CredentialFailure(
        detail: "the credential of the role \"\(role)\" is not sealed for agent \(agent) or cannot"
          + " be opened (\(error)); register the role's credential again")
    }
  }

  private func refusal(
    _ error: TokenError, _ request: LoginRequest, _ policy: PolicySnapshot
  ) -> LoginRefusal {
    // A token cannot be good for a connection that is not there; the connection is the cause.
    if error.code == .audience, policy.connection(named: request.connection) == nil {
      return LoginRefusal(
        reason: .noSuchConnection, detail: Self.noConnection(request.connection),
        principal: error.holder?.principal, tokenID: error.holder?.tokenID)
    }
    return LoginRefusal(
      reason: error.reason, detail: error.message, principal: error.holder?.principal,
      tokenID: error.holder?.tokenID)
  }

  private static func noConnection(_ name: String) -> String {
    "the bundle has no connection \"\(name.prefix(100))\""
  }

  /// A wall-clock time on the monotonic clock; saturates.
  private static func deadline(
    _ time: WallTime, wall: WallTime, monotonic: MonotonicTime
  ) -> MonotonicTime {
    let (left, underflow) = time.unixNanoseconds.subtractingReportingOverflow(wall.unixNanoseconds)
    let (at, overflow) = monotonic.nanoseconds.addingReportingOverflow(left)
    return MonotonicTime(nanoseconds: underflow || overflow ? .max : at)
  }
}

extension LoginGrant {
  /// Takes the bounds that the policy sets for the session as a whole.
  mutating func take(_ policy: SessionPolicy) {
    isReadOnly = policy.isReadOnly
    let limits = policy.limits
    if policy.isReadOnly {
      serverSettings.append(ServerSetting(name: "default_transaction_read_only", value: "on"))
    }
    if let timeout = limits.statementTimeout {
      serverSettings.append(
        // PostgreSQL counts milliseconds in 32 bits.
        ServerSetting(
          name: "statement_timeout", value: "\(min(timeout.milliseconds, Int(Int32.max)))ms"))
    }
    idleTimeout = limits.idleTimeout?.duration
    maximumStatementBytes = limits.maximumStatementBytes
    maximumSessions = limits.maximumSessions
  }
}
