package import NIOCore

/// The bytes of a client leg before its session: encryption requests, cancel requests.
///
/// Fed until it says something final; the shell then inserts TLS, or hands the bytes on.
package struct ClientNegotiation: Sendable {
  package struct Options: Hashable, Sendable {
    /// Whether a session without TLS may begin here (a Unix socket, or loopback when configured).
    package var allowsPlaintext: Bool
    /// Whether the shell can do TLS on this listener; else SSLRequest is answered `N`.
    package var offersTLS: Bool
    package var maximumStartupBytes = 10_000

    package init(allowsPlaintext: Bool, offersTLS: Bool) {
      self.allowsPlaintext = allowsPlaintext
      self.offersTLS = offersTLS
    }
  }

  package enum Step: Equatable, Sendable {
    /// More bytes are needed.
    case wait
    /// Send this one byte and go on.
    case reply(ByteBuffer)
    /// Send `reply` (the byte `S`; nothing for direct TLS), then put TLS in place and start the
    /// session behind it. `firstBytes` are the beginning of the TLS handshake, for direct TLS.
    case startTLS(reply: ByteBuffer?, firstBytes: ByteBuffer?)
    /// Start the session without TLS and give it these bytes.
    case startSession(ByteBuffer)
    /// Cancel what the session of this minted key runs, and close without an answer.
    case cancel(CancelKey)
    /// Record, send, close.
    case refuse(Refused, ByteBuffer)
    /// Record, close without an answer: bytes were stuffed behind a one-byte reply, or are none
    /// of the protocol's.
    case violation(Refused)
  }

  package init(options: Options) {}

  package mutating func receive(_ bytes: ByteBuffer) -> Step { .wait }
}
