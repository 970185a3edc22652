import Foundation

/// The address of a control plane's HTTPS API: scheme, host and port, nothing else.
struct ServerAddress: Sendable, Equatable {
  static let defaultPort = 8443
  let host: String
  let port: Int

  /// Reads `https://host[:port]` or `host[:port]`.
  ///
  /// - Parameter name: Where the text stood, for the message.
  init(_ text: String, named name: String) throws(CLIFailure) {
    let withScheme = text.contains("://") ? text : "https://\(text)"
    let remedy = "give https:// and a host, for example https://control.example.com:8443"
    guard let url = URLComponents(string: withScheme), let host = url.host, !host.isEmpty else {
      throw CLIFailure(.usage, "\(name) \"\(text)\" is not an address", remedy: remedy)
    }
    guard url.scheme?.lowercased() == "https" else {
      throw CLIFailure(
        .usage, "\(name) \"\(text)\" does not use https: a token must not travel readable",
        remedy: remedy)
    }
    guard ["", "/"].contains(url.path), url.query == nil, url.fragment == nil, url.user == nil,
      url.password == nil
    else {
      throw CLIFailure(
        .usage, "\(name) \"\(text)\" has more than a host and a port", remedy: remedy)
    }
    let port = url.port ?? Self.defaultPort
    guard (1...65_535).contains(port) else {
      throw CLIFailure(
        .usage, "\(name) \"\(text)\" has no port between 1 and 65535", remedy: remedy)
    }
    self.host = host
    self.port = port
  }

  /// `https://host:port`.
  var text: String {
    let bracketed = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
    return "https://\(bracketed):\(port)"
  }

  /// The URL of a path whose parts are given unescaped.
  func url(_ base: String, _ parts: [String] = [], query: [(String, String)] = []) -> String {
    var result = text + base
    for part in parts { result += "/" + Self.escaped(part) }
    if !query.isEmpty {
      result += "?" + query.map { "\($0.0)=\(Self.escaped($0.1))" }.joined(separator: "&")
    }
    return result
  }

  /// Everything but RFC 3986's unreserved characters as `%XX`. The dots of `.` and `..` too: those
  /// would be taken for steps in the path.
  private static func escaped(_ text: String) -> String {
    if text == "." || text == ".." { return text.replacing(".", with: "%2E") }
    let unreserved = CharacterSet(
      charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
  }
}
