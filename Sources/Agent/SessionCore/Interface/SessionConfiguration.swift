package import GatewayModel
package import PostgresWire

/// What a session is given at its start and keeps.
package struct SessionConfiguration: Sendable {
  package var session: SessionID
  /// 128 random bits, known to nobody else: names what must fail at the server in a refusal.
  package var poisonNonce: Identifier128
  package var limits: SessionLimits
  package var policy: StatementPolicy
  /// What the session's texts are judged by.
  package var judge: any StatementJudge
  /// What the server is asked for; it may answer with an older one.
  package var serverVersion: ProtocolVersion
  /// Whether the login at the server has to be bound to its TLS channel.
  package var channelBinding: ScramMechanism.ChannelBindingMode

  package init(
    session: SessionID, poisonNonce: Identifier128, limits: SessionLimits = SessionLimits(),
    policy: StatementPolicy = StatementPolicy(), judge: any StatementJudge,
    serverVersion: ProtocolVersion = .newest,
    channelBinding: ScramMechanism.ChannelBindingMode = .prefer
  ) {
    self.session = session
    self.poisonNonce = poisonNonce
    self.limits = limits
    self.policy = policy
    self.judge = judge
    self.serverVersion = serverVersion
    self.channelBinding = channelBinding
  }
}

/// The bounds of one session's memory and patience.
package struct SessionLimits: Hashable, Sendable {
  /// PostgreSQL's own bound of a startup packet.
  package var maximumStartupBytes = 10_000
  /// PostgreSQL's own bound of a password message.
  package var maximumTokenBytes = 65_535
  /// Of one Query, Parse, Bind or FunctionCall, buffered whole; over it 54000.
  package var maximumStatementBytes = SizeLimits.defaultStatementBytes
  /// PostgreSQL's own bound of Execute, Describe, Close, Sync and the like.
  package var maximumSmallMessageBytes = 10_000
  /// How much of an inspected message from the server is looked at; the rest passes unseen.
  package var maximumInspectedServerBytes = 512 << 10
  /// Texts of prepared statements and parameters of portals, summed; over it 54000.
  package var maximumRetainedBytes = 64 << 20
  /// Replies outstanding; over it the client is read no further until some have come. Far more
  /// than the 8 kB that a server holds back without a Sync, so that it cannot lock.
  package var maximumPendingReplies = 65_536
  package var maximumRecordedMessageBytes = 4_096
  /// The most that the texts of one Bind's binary parameters may take in its record, and the work of
  /// decoding them in steps of a byte of text: the session's event loop serves others too. What
  /// comes after is kept as it came.
  package var maximumDecodedBytes = SizeLimits.decodedBytes
  /// Bounds the CPU a server can make the agent spend on PBKDF2.
  package var maximumScramIterations = 100_000
  package var handshakeTimeout: Duration = .seconds(30)
  package var drainTimeout: Duration = .seconds(5)
  /// How long the client may be silent while nothing runs; for ever when absent.
  package var idleTimeout: Duration?

  package init() {}

  /// Takes a bundle's limit of one statement, as near as ``SizeLimits/statementBytes`` allows.
  package mutating func setMaximumStatementBytes(_ bytes: Int) {
    let range = SizeLimits.statementBytes
    maximumStatementBytes = min(max(bytes, range.lowerBound), range.upperBound)
  }

  /// Takes the bounds of a grant where they are narrower.
  mutating func take(_ grant: LoginGrant) {
    if let timeout = grant.idleTimeout { idleTimeout = min(idleTimeout ?? timeout, timeout) }
    if let bytes = grant.maximumStatementBytes {
      setMaximumStatementBytes(min(bytes, maximumStatementBytes))
    }
  }
}
