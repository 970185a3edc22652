internal import GatewayModel
import NIOCore

/// Where a server leg goes and how it is secured.
struct ServerTarget: Hashable, Sendable {
  var host: String
  var port: UInt16
  var tls: ServerTLSMode
  var authoritiesPEM: String?
  /// What the role shows a server that asks for a certificate.
  var certificate: ClientCertificate?

  /// - Parameter certificate: Of the role that is to log in there, if it has one.
  init(_ connection: Connection, certificate: ClientCertificate?) {
    self.certificate = certificate
    host = connection.host
    port = connection.port
    authoritiesPEM = connection.authoritiesPEM
    // As in libpq, a Unix socket is never encrypted: nobody else is on it.
    tls = connection.host.hasPrefix("/") ? .disable : connection.tls
  }

  /// The socket's path when the host is a folder.
  var unixSocketPath: String? {
    host.hasPrefix("/") ? "\(host)/.s.PGSQL.\(port)" : nil
  }

  /// Whether the host is written as an address, which is matched against the certificate's
  /// addresses and is never sent as a server name (RFC 6066 section 3).
  var isAddress: Bool { address != nil }

  /// The host read as an address, if it is one.
  var address: SocketAddress? { try? SocketAddress(ipAddress: host, port: Int(port)) }
}

extension ServerTarget: CustomStringConvertible {
  var description: String {
    unixSocketPath ?? (host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
  }
}
