internal import GatewayModel
import NIOCore
import NIOPosix
import NIOSSL

/// Why the server leg could not be opened; `detail` is for the record and the operator.
struct ServerLegFailure: Error, Hashable {
  var reason: ReasonCode
  var detail: String
}

extension ServerLegFailure {
  /// What a failed connect means, told with the address.
  static func connecting(to target: ServerTarget, _ error: any Error) -> ServerLegFailure {
    if let failure = error as? ServerLegFailure { return failure }
    return ServerLegFailure(
      reason: .serverUnreachable,
      detail: "cannot connect to \(target): \(connectCause(error));"
        + " check that the server runs there and accepts connections from this agent")
  }

  /// What a failure after the connect means: of the TLS handshake, unless the server just left.
  static func securing(_ target: ServerTarget, _ error: any Error) -> ServerLegFailure {
    if let failure = error as? ServerLegFailure { return failure }
    return ServerLegFailure(
      reason: .serverTLS,
      detail: "TLS with \(target) failed (mode \(target.tls.rawValue)): \(tlsCause(error))")
  }

  /// What TLS that broke behind the handshake means; `nil` when the server just left.
  ///
  /// In TLS 1.3 a server looks at the client's certificate when the client holds the handshake to
  /// be done, and says no by an alert after it (RFC 8446 section 4.4.2.4).
  static func brokenTLS(with server: String, _ error: any Error) -> ServerLegFailure? {
    switch error {
    case NIOSSLError.uncleanShutdown: nil
    case is NIOSSLError, is BoringSSLError:
      ServerLegFailure(
        reason: .serverTLS, detail: "TLS with \(server) failed: \(tlsCause(error))")
    default: nil
    }
  }

  static func deadline(_ target: ServerTarget, _ deadline: Duration) -> ServerLegFailure {
    ServerLegFailure(
      reason: .serverUnreachable,
      detail: "no connection to \(target) within \(deadline.components.seconds) s;"
        + " check the network path and the server's load")
  }

  private static func connectCause(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
      if let first = error.connectionErrors.first { return connectCause(first.error) }
      if error.dnsAError != nil || error.dnsAAAAError != nil {
        return "the name \"\(error.host)\" does not resolve"
      }
      return "no address answered"
    case let error as IOError:
      return "\(String(cString: strerror(error.errnoCode)))"
    case is HostResolver.UnknownName:
      return "the name does not resolve"
    case ChannelError.connectTimeout:
      return "it did not answer in time"
    default:
      return "\(error)"
    }
  }

  private static func tlsCause(_ error: any Error) -> String {
    let text = "\(error)"
    if let alert = certificateAlerts.first(where: { text.contains($0.name) }) { return alert.cause }
    if text.contains("CERTIFICATE_VERIFY_FAILED") {
      return "the server's certificate is not issued by a trusted authority;"
        + " register the connection with its authority's certificate"
    }
    if error is NIOSSLExtraError {
      return "the server's certificate is not for this host (\(error));"
        + " use the host name in the certificate, or mode verify-ca"
    }
    return text
  }
  /// The alerts by which a server refuses a client's certificate (RFC 8446 section 6.2), as
  /// BoringSSL names them.
  private static let certificateAlerts: [(name: String, cause: String)] = [
    (
      "ALERT_UNKNOWN_CA",
      "the server does not know the authority of the role's client certificate;"
        + " add it to the server's ssl_ca_file, or register the role with another certificate"
    ),
    (
      "ALERT_CERTIFICATE_EXPIRED",
      "the server finds the role's client certificate expired or not yet valid;"
        + " register the role with a new one"
    ),
    (
      "ALERT_CERTIFICATE_REVOKED",
      "the server finds the role's client certificate revoked; register the role with a new one"
    ),
    (
      "CERTIFICATE_REQUIRED",
      "the server wants a client certificate; register the role with one"
    ),
    (
      // Before TLS 1.3 this is all that a server says which was shown no certificate.
      "ALERT_HANDSHAKE_FAILURE",
      "the server refuses the handshake: it may want a client certificate, with which the role can"
        + " be registered, or a version or cipher that the agent does not have; see the server's log"
    ),
    (
      "ALERT_BAD_CERTIFICATE",
      "the server finds the role's client certificate bad; see the server's log"
    ),
    (
      "ALERT_UNSUPPORTED_CERTIFICATE",
      "the server does not take the role's client certificate, which may not be meant for clients;"
        + " see the server's log"
    ),
    (
      "ALERT_CERTIFICATE_UNKNOWN",
      "the server does not take the role's client certificate; see the server's log"
    ),
    (
      "ALERT_DECRYPT_ERROR",
      "the server cannot verify the signature of the role's client certificate or its chain;"
        + " see the server's log"
    ),
  ]
}
