import ArgumentParser
import ControlLink

/// An address to listen on or to ask: `127.0.0.1:6432`, `[::1]:6432`, `*:6432`.
struct HostPort: ExpressibleByArgument, CustomStringConvertible {
  let host: String
  let port: Int

  /// Port 0, which takes a free one, is good here, unlike where something is dialled.
  init?(argument: String) {
    guard let colon = argument.lastIndex(of: ":") else { return nil }
    if argument[argument.index(after: colon)...] == "0" {
      guard let endpoint = try? Endpoint("\(argument[..<colon]):1") else { return nil }
      (host, port) = (Self.host(endpoint.host), 0)
    } else {
      guard let endpoint = try? Endpoint(argument) else { return nil }
      (host, port) = (Self.host(endpoint.host), endpoint.port)
    }
  }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  private static func host(_ text: String) -> String { text == "*" ? "0.0.0.0" : text }
}
