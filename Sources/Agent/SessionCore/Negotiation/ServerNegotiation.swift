package import GatewayModel
package import NIOCore

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

  package init(mode: ServerTLSMode) { request = nil }

  package mutating func receive(_ bytes: ByteBuffer) -> Step { .wait }
}
