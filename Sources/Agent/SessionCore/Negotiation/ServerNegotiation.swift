package import GatewayModel
package import NIOCore
internal import PostgresWire

/// The bytes of a server leg before its session: asks for TLS.
package struct ServerNegotiation: Sendable {
  package enum Step: Equatable, Sendable {
    case wait
    /// Put TLS in place; the session follows behind it.
    case startTLS
    /// Close; tell the session ``Event/serverConnectFailed(_:)``.
    case fail(ServerConnectFailure)
  }

  /// What to send first; `nil` when the mode wants no TLS and the session begins at once.
  package let request: ByteBuffer?
  private var isFinal = false

  package init(mode: ServerTLSMode) {
    guard mode != .disable else {
      request = nil
      return
    }
    var bytes = ByteBuffer()
    StartupPacket.writeSSLRequest(into: &bytes)
    request = bytes
  }

  /// Reads the server's answer: exactly one byte, before TLS.
  ///
  /// More than one byte is an attack (CVE-2021-23222): the rest would be taken for what TLS
  /// protected. The text of an error is not read (CVE-2024-10977): nothing vouches for it.
  package mutating func receive(_ bytes: ByteBuffer) -> Step {
    guard let answer = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) else {
      return .wait
    }
    guard !isFinal else { return fail("bytes after its answer to SSLRequest") }
    isFinal = true
    switch answer {
    case UInt8(ascii: "S") where bytes.readableBytes == 1: return .startTLS
    case UInt8(ascii: "S"):
      return fail("\(bytes.readableBytes - 1) bytes behind its answer to SSLRequest")
    case UInt8(ascii: "N"):
      return fail("no TLS, which the connection's TLS mode demands; enable ssl at the server")
    case UInt8(ascii: "E"): return fail("an error instead of TLS; check the server's log")
    default:
      return fail("the byte \(answer) to SSLRequest; check that the address is PostgreSQL's")
    }
  }

  private func fail(_ what: String) -> Step {
    .fail(ServerConnectFailure(reason: .serverTLS, detail: "the server answered \(what)"))
  }
}
