internal import GRPCNIOTransportHTTP2Posix
internal import NIOCore

/// A host and a port, written `host:port`, `1.2.3.4:port` or `[::1]:port`.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  /// A name or an address, without brackets.
  package var host: String
  package var port: Int

  /// - Throws: ``LinkError`` `argument`.
  package init(_ text: String) throws(LinkError) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65_535).contains(port)
    else { throw Self.refused(text) }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      throw Self.refused(text)
    }
    guard !host.isEmpty else { throw Self.refused(text) }
    self.host = String(host)
    self.port = port
  }

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// What gRPC dials. An address is not looked up, and is verified as an address.
  var target: any ResolvableTarget {
    switch try? NIOCore.SocketAddress(ipAddress: host, port: port) {
    case .v4: .ipv4(address: host, port: port)
    case .v6: .ipv6(address: host, port: port)
    default: .dns(host: host, port: port)
    }
  }

  private static func refused(_ text: String) -> LinkError {
    LinkError(
      code: .argument, message: "\"\(text.prefix(300))\" is not an address: write host:port")
  }
}
