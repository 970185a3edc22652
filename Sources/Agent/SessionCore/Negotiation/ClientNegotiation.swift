package import NIOCore
package import PostgresWire

/// The bytes of a client leg before its session: encryption requests, cancel requests.
///
/// Fed until it says something final; the shell then inserts TLS, or hands the bytes on. After a
/// final step every further byte is a violation.
package struct ClientNegotiation: Sendable {
  package struct Options: Hashable, Sendable {
    /// Whether a session without TLS may begin here (a Unix socket, or loopback when configured).
    package var allowsPlaintext: Bool
    /// Whether the shell can do TLS on this listener; else SSLRequest is answered `N`.
    package var offersTLS: Bool

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

  private let options: Options
  private var pending = ByteBuffer()
  /// Each request is answered once; a client that asks again is not a client of PostgreSQL.
  private var answeredTLS = false
  private var answeredGSS = false
  private var isFinal = false

  package init(options: Options) { self.options = options }

  package mutating func receive(_ bytes: ByteBuffer) -> Step {
    guard !isFinal else { return violation("bytes after the end of the negotiation") }
    pending.writeImmutableBuffer(bytes)
    if options.offersTLS, !answeredTLS, StartupPacket.beginsTLS(pending) == true {
      isFinal = true
      return .startTLS(reply: nil, firstBytes: pending)
    }
    let whole = pending
    let packet: StartupPacket
    do throws(WireError) {
      guard let next = try StartupPacket.next(in: &pending) else { return .wait }
      packet = next
    } catch {
      return violation(error.message)
    }
    return answer(packet, whole: whole)
  }

  private mutating func answer(_ packet: StartupPacket, whole: ByteBuffer) -> Step {
    switch packet {
    case .sslRequest:
      guard !answeredTLS else { return violation("a second SSLRequest") }
      // CVE-2021-23222 and its kin: what stands behind was not sent by who holds the TLS key.
      guard pending.readableBytes == 0 else { return violation("bytes behind SSLRequest") }
      answeredTLS = true
      guard options.offersTLS else { return .reply(ByteBuffer(string: "N")) }
      isFinal = true
      return .startTLS(reply: ByteBuffer(string: "S"), firstBytes: nil)
    case .gssEncryptionRequest:
      guard !answeredGSS else { return violation("a second GSSENCRequest") }
      guard pending.readableBytes == 0 else { return violation("bytes behind GSSENCRequest") }
      answeredGSS = true
      return .reply(ByteBuffer(string: "N"))
    case .cancelRequest(let key):
      isFinal = true
      return .cancel(key)
    case .startup(let message):
      isFinal = true
      guard options.allowsPlaintext else { return refusePlaintext(message) }
      return .startSession(whole)
    }
  }

  private func refusePlaintext(_ message: StartupMessage) -> Step {
    let text = "this gateway takes connections with TLS only"
    let answer = BackendMessage.Diagnostic(
      severity: .fatal, sqlState: "28000", message: text,
      hint: "Connect with sslmode=require or stricter.")
    var bytes = ByteBuffer()
    answer.encodeError(into: &bytes)
    let user = message["user"] ?? ""
    return .refuse(
      Refused(
        reason: .plaintextClient, detail: "StartupMessage without TLS", sqlstate: "28000",
        message: text, connection: message["database"] ?? user, databaseRole: user,
        applicationName: message["application_name"] ?? ""),
      bytes)
  }

  private mutating func violation(_ detail: String) -> Step {
    isFinal = true
    return .violation(
      Refused(reason: .protocolViolation, detail: detail, sqlstate: "08P01", message: ""))
  }
}
