internal import Foundation

/// Checks of what people and programs ask for; each error names the field, quotes the value and
/// says what to do.
enum Check {
  /// The name of something that others refer to: `[a-z0-9][a-z0-9._-]{0,62}`.
  static func name(_ text: String, field: String) throws(ControlError) {
    let bytes = Array(text.utf8)
    let isGood =
      (1...63).contains(bytes.count) && bytes.first.map(isLowerAlphanumeric) == true
      && bytes.allSatisfy { isLowerAlphanumeric($0) || [0x2E, 0x5F, 0x2D].contains($0) }
    guard isGood else {
      throw invalid(
        field, text,
        "Use 1 to 63 lower-case letters, digits, \".\", \"_\" and \"-\", a letter or digit first.")
    }
  }

  /// A text for people or of another system, on one line.
  static func label(
    _ text: String, field: String, maximumBytes: Int = 255
  ) throws(ControlError) {
    guard (1...maximumBytes).contains(text.utf8.count), !hasControls(text) else {
      throw invalid(
        field, text, "Use 1 to \(maximumBytes) bytes of text without control characters.")
    }
  }

  /// A name that PostgreSQL may give to a role or a database.
  static func serverName(_ text: String, field: String) throws(ControlError) {
    // NAMEDATALEN - 1: the server would cut a longer one and mean another.
    guard (1...63).contains(text.utf8.count), !hasControls(text) else {
      throw invalid(field, text, "Use 1 to 63 bytes without control characters.")
    }
  }

  static func port(_ number: Int, field: String) throws(ControlError) -> UInt16 {
    guard let port = UInt16(exactly: number), port > 0 else {
      throw invalid(field, "\(number)", "Use a number from 1 to 65535.")
    }
    return port
  }

  /// A host name or an address.
  static func host(_ text: String, field: String) throws(ControlError) {
    guard (1...253).contains(text.utf8.count), text.utf8.allSatisfy(isHostByte) else {
      throw invalid(field, text, "Use a host name or an IP address.")
    }
  }

  /// `host:port`, an IPv6 address in brackets; returns the host without them.
  static func hostAndPort(_ text: String, field: String) throws(ControlError) -> String {
    let remedy = "Write it as HOST:PORT, for example db-gateway.example.com:5432."
    guard let colon = text.lastIndex(of: ":"),
      let port = Int(text[text.index(after: colon)...]), (1...65535).contains(port)
    else { throw invalid(field, text, remedy) }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
    } else if host.contains(":") {
      throw invalid(field, text, "Write an IPv6 address in brackets, for example [::1]:5432.")
    }
    try self.host(host, field: field)
    return host
  }

  /// Base64 of exactly so many bytes.
  static func base64(
    _ text: String, bytes count: Int, field: String
  ) throws(ControlError) -> [UInt8] {
    guard text.utf8.count <= 4 * count + 8, let data = Data(base64Encoded: text),
      data.count == count
    else { throw invalid(field, text, "Send \(count) bytes in base64.") }
    return Array(data)
  }

  /// Base64 of a signature or the like, of at most 200 bytes.
  static func base64(_ text: String, field: String) throws(ControlError) -> [UInt8] {
    guard text.utf8.count <= 300, let data = Data(base64Encoded: text) else {
      throw invalid(field, text, "Send base64.")
    }
    return Array(data)
  }

  static func invalid(_ field: String, _ value: String, _ remedy: String) -> ControlError {
    let shown = value.count > 80 ? value.prefix(80) + "…" : Substring(value)
    return ControlError(.invalid, "\(field): \"\(shown)\" cannot be used.", remedy: remedy)
  }

  private static func hasControls(_ text: String) -> Bool {
    text.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
  }

  private static func isLowerAlphanumeric(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
      UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "%"):
      true
    default: false
    }
  }
}
