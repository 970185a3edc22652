/// Addresses of clients: `10.0.0.0/8`, `2001:db8::/32`, one address, or `unix` for those that come
/// over a Unix socket.
package struct Network: PolicyText {
  private let text: String
  private let isUnix: Bool
  private let base: InternetAddress
  private let prefix: Int

  package init(text: String) throws(PatternFailure) {
    self.text = text
    guard text != "unix" else {
      isUnix = true
      base = InternetAddress(isV4: true, bits: 0)
      prefix = 0
      return
    }
    isUnix = false
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard text.utf8.count <= 64, parts.count <= 2, let address = InternetAddress(text: parts[0])
    else {
      throw PatternFailure(
        "\(text.debugDescription) is not a network",
        remedy: "write an address and a prefix, such as 10.0.0.0/8 or 2001:db8::/32, or unix")
    }
    base = address
    guard parts.count == 2 else {
      prefix = address.width
      return
    }
    guard let length = Int(parts[1]), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      length <= address.width
    else {
      throw PatternFailure(
        "the network \"\(text)\" has the prefix \"\(parts[1])\"",
        remedy: "write a number from 0 to \(address.width)")
    }
    prefix = length
    guard address.masked(to: length) == address else {
      throw PatternFailure(
        "the network \"\(text)\" has bits behind its prefix",
        remedy: "write \(address.masked(to: length))/\(length), or the address alone")
    }
  }

  package var description: String { text }

  func contains(_ address: ClientAddress) -> Bool {
    switch address {
    case .unix: isUnix
    case .unknown: false
    case .internet(let address):
      !isUnix && address.isV4 == base.isV4 && address.masked(to: prefix) == base
    }
  }
}

/// Where a client comes from, without its port.
enum ClientAddress: Hashable, Sendable {
  case internet(InternetAddress)
  case unix
  /// The text is not one that is understood.
  case unknown

  /// Reads `host:port`, `[host]:port`, `host` or `unix` with whatever follows it.
  init(text: String) {
    if text.hasPrefix("unix") || text.hasPrefix("/") {
      self = .unix
      return
    }
    var host = text[...]
    if host.first == "[", let end = host.firstIndex(of: "]") {
      host = host[host.index(after: host.startIndex)..<end]
    } else if let colon = host.lastIndex(of: ":"), InternetAddress(text: host) == nil {
      host = host[..<colon]
    }
    // The scope of a link-local address says nothing of where it is.
    if let scope = host.firstIndex(of: "%") { host = host[..<scope] }
    self = InternetAddress(text: host).map { .internet($0) } ?? .unknown
  }
}
