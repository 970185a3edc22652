import Logging

/// The lexical forms of values in log lines.
enum LogText {
  /// `text` with control characters escaped, so that it stays on its line and moves no cursor.
  static func escaped(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    return text.unicodeScalars.reduce(into: "") { result, scalar in
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where isControl(scalar):
        result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
  }

  /// A metadata value after `key=`; quoted when it is empty or holds a space, `=` or a quote.
  static func textValue(_ value: Logger.Metadata.Value) -> String {
    let text = escaped(value.description)
    let needsQuotes = text.isEmpty || text.contains { $0 == " " || $0 == "=" || $0 == "\"" }
    guard needsQuotes else { return text }
    let quoted = text.reduce(into: "") { result, character in
      if character == "\"" || character == "\\" { result.append("\\") }
      result.append(character)
    }
    return "\"\(quoted)\""
  }

  static func jsonValue(_ value: Logger.Metadata.Value) -> String {
    switch value {
    case .string(let text): jsonString(text)
    case .stringConvertible(let value): jsonString(value.description)
    case .array(let values): "[" + values.map(jsonValue).joined(separator: ",") + "]"
    case .dictionary(let values):
      "{"
        + values.sorted { $0.key < $1.key }
        .map { "\(jsonString($0.key)):\(jsonValue($0.value))" }
        .joined(separator: ",") + "}"
    }
  }

  /// A JSON string literal (RFC 8259 section 7).
  static func jsonString(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "\"") { result, scalar in
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where isControl(scalar):
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex
      default: result.unicodeScalars.append(scalar)
      }
    } + "\""
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
      || (0x2028...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
  }
}
