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
}
