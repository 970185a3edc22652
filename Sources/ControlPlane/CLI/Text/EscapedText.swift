/// Text from elsewhere made safe to show: SQL, names and messages may carry control characters
/// that would move the cursor, recolour the screen or hide what follows.
enum EscapedText {
  /// Whether a terminal may act on the scalar, or show nothing for it: C0, C1 and DEL, line and
  /// paragraph separators, and format characters such as bidirectional overrides.
  ///
  /// The joiner that emoji are made with is let through; it changes nothing but their shape.
  static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20...0x7E: return false
    case 0x200D: return false
    default:
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
        .unassigned:
        return true
      default: return false
      }
    }
  }

  /// One line: unsafe scalars become `\n`, `\t`, `\r` or `\u{…}`.
  static func line(_ text: String) -> String { escape(text, keepingLines: false) }

  /// Several lines: as ``line(_:)``, but newlines and tabs stay.
  static func block(_ text: String) -> String {
    escape(text.replacing("\r\n", with: "\n"), keepingLines: true)
  }

  /// SQL on one line: each run of white space becomes one space, the rest is escaped. At most
  /// about `limit` characters of the text are read, and `…` stands for the rest.
  static func statement(_ sql: String, limit: Int = 10_000) -> String {
    var result = ""
    var pendingSpace = false
    var count = 0
    for scalar in sql.unicodeScalars {
      if scalar == " " || (0x09...0x0D).contains(scalar.value) {
        pendingSpace = !result.isEmpty
        continue
      }
      if count >= limit { return result + "…" }
      if pendingSpace {
        result.unicodeScalars.append(" ")
        pendingSpace = false
      }
      append(scalar, to: &result)
      count += 1
    }
    return result
  }

  private static func escape(_ text: String, keepingLines: Bool) -> String {
    guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      if keepingLines, scalar == "\n" || scalar == "\t" {
        result.unicodeScalars.append(scalar)
      } else {
        append(scalar, to: &result)
      }
    }
    return result
  }

  private static func append(_ scalar: Unicode.Scalar, to result: inout String) {
    guard isUnsafe(scalar) else {
      result.unicodeScalars.append(scalar)
      return
    }
    switch scalar {
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case "\r": result += "\\r"
    default: result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    }
  }
}
