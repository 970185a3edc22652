/// Comma-separated values (RFC 4180): CRLF line ends, fields quoted where they must be.
enum CSV {
  static func row(_ fields: [String]) -> String {
    fields.map(field).joined(separator: ",") + "\r\n"
  }

  static func field(_ text: String) -> String {
    let mustQuote = text.utf8.contains { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }
    guard mustQuote else { return text }
    return "\"\(text.replacing("\"", with: "\"\""))\""
  }
}
