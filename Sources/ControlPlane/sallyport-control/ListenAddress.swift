import ArgumentParser
import Foundation

/// A numeric address and a port to listen on: `127.0.0.1:8443`, `[::1]:8443`, `localhost:8443` or
/// `*:8443`.
struct ListenAddress: ExpressibleByArgument, CustomStringConvertible {
  let host: String
  let port: Int

  /// This host only.
  static func loopback(port: Int) -> ListenAddress {
    ListenAddress(host: "127.0.0.1", port: port)
  }

  private init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  init?(argument: String) {
    guard let parts = HostAndPort(argument) else { return nil }
    let host =
      switch parts.host {
      case "localhost": "127.0.0.1"
      case "*": "0.0.0.0"
      default: parts.host
      }
    guard Self.isNumeric(host) else { return nil }
    self.init(host: host, port: parts.port)
  }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  private static func isNumeric(_ host: String) -> Bool {
    var four = in_addr()
    var six = in6_addr()
    return inet_pton(AF_INET, host, &four) == 1 || inet_pton(AF_INET6, host, &six) == 1
  }
}

/// A host and a port as people write them.
struct HostAndPort: ExpressibleByArgument, CustomStringConvertible {
  let host: String
  let port: Int

  init?(argument: String) { self.init(argument) }

  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"),
      let port = UInt16(text[text.index(after: colon)...])
    else { return nil }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    self.host = host
    self.port = Int(port)
  }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
