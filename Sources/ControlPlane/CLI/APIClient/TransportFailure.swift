import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// Words for what can go wrong between this program and the control plane.
enum TransportFailure {
  static func failure(for error: any Error, server: ServerAddress) -> CLIFailure {
    switch error {
    case is CancellationError:
      return CLIFailure(.interrupted, "")
    case is NIOTooManyBytesError:
      return CLIFailure(
        .failed,
        "the answer of \(server.text) has more than \(APIClient.maximumAnswerBytes) bytes",
        remedy: "ask for less at once, for example with a smaller --limit")
    case let error as NIOSSLError:
      return untrusted(error, server)
    case is NIOSSLExtraError:
      return untrusted(error, server)
    case let error as NIOConnectionError:
      return unreachable(server, connectionWords(error))
    case let error as IOError:
      return unreachable(server, String(cString: strerror(error.errnoCode)))
    case let error as HTTPClientError where isTimeout(error):
      return unreachable(server, "no answer in time")
    case let error as HTTPClientError:
      return unreachable(server, error.shortDescription)
    default:
      return unreachable(server, "\(error)")
    }
  }

  private static func unreachable(_ server: ServerAddress, _ why: String) -> CLIFailure {
    CLIFailure(
      .unavailable, "the control plane at \(server.text) cannot be reached: \(why)",
      remedy: "check the address, the network, and that `sallyport-control serve` is running there")
  }

  private static func untrusted(_ error: any Error, _ server: ServerAddress) -> CLIFailure {
    let words = "\(error)"
    guard words.contains("CERTIFICATE_VERIFY_FAILED") || error is NIOSSLExtraError else {
      return unreachable(server, "the TLS handshake failed (\(words))")
    }
    return CLIFailure(
      .unavailable, "the certificate of \(server.text) is not trusted",
      remedy: """
        log in with `sallyport login --ca-fingerprint sha256:…`, the fingerprint that the control \
        plane printed at its start, and with a host name that its certificate has
        """)
  }

  private static func connectionWords(_ error: NIOConnectionError) -> String {
    if let first = error.connectionErrors.first {
      if let system = first.error as? IOError {
        return String(cString: strerror(system.errnoCode))
      }
      return "\(first.error)"
    }
    return "no such host \"\(error.host)\""
  }

  private static func isTimeout(_ error: HTTPClientError) -> Bool {
    [
      .connectTimeout, .readTimeout, .writeTimeout, .deadlineExceeded, .tlsHandshakeTimeout,
      .getConnectionFromPoolTimeout,
    ].contains(error)
  }
}
