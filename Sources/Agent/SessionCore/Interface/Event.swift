package import GatewayModel
package import NIOCore
package import PostgresWire

/// A past fact that the session is told of, in the order in which it happened.
///
/// Bytes may come in any chunking: how they are cut never changes what is recorded or forwarded.
package enum Event: Sendable {
  /// The client leg is open (TLS is done, or was not asked for). First event, exactly once.
  case clientConnected
  /// Bytes from the client, behind TLS.
  case clientBytes(ByteBuffer)
  /// Bytes from the server, behind TLS.
  case serverBytes(ByteBuffer)
  /// The client leg ended, by whichever side and for whatever cause.
  case clientClosed
  /// The server leg ended, by whichever side and for whatever cause.
  case serverClosed
  /// The answer to ``Effects/verifyLogin``.
  case loginVerdict(LoginVerdict)
  /// The answer to ``ServerEffects/connect``: the leg is open, with TLS where the mode asks for it.
  case serverConnected(ServerConnected)
  /// The other answer to ``ServerEffects/connect``; also when the leg's TLS breaks during the login
  /// at the server, which is how TLS 1.3 refuses a client's certificate.
  case serverConnectFailed(ServerConnectFailure)
  /// The answer to ``Effects/deriveKeys``.
  case scramKeysDerived(ScramKeys)
  /// A timer that ``TimerEffect`` set ran out.
  case timerFired(SessionTimer)
  /// The session has to end now, for example because it was killed, its grant was revoked, the
  /// agent shuts down, or the record log took no begin (`recordLogUnavailable`).
  ///
  /// What this answers is to be performed even when the log does not take its records: the legs
  /// close, and no byte of a statement is among it.
  case terminate(reason: ReasonCode, detail: String)
}

/// What the shell knows of a server leg that has just opened.
package struct ServerConnected: Sendable {
  /// How the bytes of the leg are protected; a cleartext password goes out only where they are.
  package enum Protection: String, Hashable, Sendable {
    case tls
    /// A Unix socket or the same host's memory.
    case local
    case none
  }

  package var protection: Protection
  /// The `tls-server-end-point` value (RFC 5929 section 4.1); `nil` without TLS, or where the
  /// certificate's signature algorithm gives none.
  package var endpointBinding: [UInt8]?
  /// At least 18 random bytes, never used twice: the SCRAM client nonce before its encoding.
  package var scramNonce: [UInt8]
  /// The key the client is given in place of the server's.
  package var mintedKey: CancelKey

  package init(
    protection: Protection, endpointBinding: [UInt8]?, scramNonce: [UInt8], mintedKey: CancelKey
  ) {
    self.protection = protection
    self.endpointBinding = endpointBinding
    self.scramNonce = scramNonce
    self.mintedKey = mintedKey
  }
}

/// Why the server leg did not open.
package struct ServerConnectFailure: Hashable, Sendable {
  /// `serverUnreachable`, `serverTLS` or `credentialMissing`.
  package var reason: ReasonCode
  /// For the record: address, error. Never a secret, never shown to the client.
  package var detail: String

  package init(reason: ReasonCode, detail: String) {
    self.reason = reason
    self.detail = detail
  }
}

/// The session's timers; each runs at most once at a time.
package enum SessionTimer: Hashable, Sendable {
  /// From the open client leg to the first ReadyForQuery.
  case handshake
  /// From the last sign of life while nothing runs; looked at now and then, not set by each
  /// statement.
  case idle
  /// How long the server leg may go on answering after the client is gone.
  case drain
  /// How long the server may go on with a result that was refused in its middle.
  case refusedResult
}
