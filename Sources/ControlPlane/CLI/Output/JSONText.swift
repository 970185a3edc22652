import Foundation

/// JSON for programs: keys sorted, so that the same data gives the same text.
enum JSONText {
  /// Indented.
  static func pretty(_ value: some Encodable) throws -> String {
    try encode(value, [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
  }

  /// On one line.
  static func line(_ value: some Encodable) throws -> String {
    try encode(value, [.sortedKeys, .withoutEscapingSlashes])
  }

  private static func encode(
    _ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting
  ) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting
    let text = String(decoding: try encoder.encode(value), as: UTF8.self)
    return escapingControls(text)
  }

  /// Writes what a terminal could act on as `\uXXXX`. Only strings can hold such scalars, the
  /// newlines of indentation excepted, so the value stays the same.
  private static func escapingControls(_ text: String) -> String {
    guard
      text.unicodeScalars.contains(where: { $0.value >= 0x7F && EscapedText.isUnsafe($0) })
    else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      guard scalar.value >= 0x7F, EscapedText.isUnsafe(scalar) else {
        result.unicodeScalars.append(scalar)
        continue
      }
      for unit in String(scalar).utf16 {
        let digits = String(unit, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return result
  }
}
