/// The name of a table as SQL writes it, in one form for each name: `orders`, `public.orders`,
/// `"Orders"`.
///
/// Parts that are not quoted are folded to lower case as PostgreSQL does it for ASCII; a part is
/// quoted in the text only where it must be.
package struct TableName: Hashable, Sendable, CustomStringConvertible {
  /// The parts without quotes, one to three, the table's own name last.
  package let parts: [String]

  /// - Parameter parts: As the parse tree has them: folded already, without quotes.
  package init(parts: [String]) { self.parts = parts }

  /// Reads a name as somebody writes it in SQL; `nil` for what is not one.
  package init?(text: String) {
    var parts: [String] = []
    var rest = text[...]
    while true {
      guard let part = Self.takePart(&rest) else { return nil }
      parts.append(part)
      if rest.isEmpty { break }
      guard rest.first == ".", parts.count < 3 else { return nil }
      rest.removeFirst()
    }
    self.parts = parts
  }

  package var description: String { parts.map(Self.quoted).joined(separator: ".") }

  /// The name without its schema.
  package var bare: TableName { TableName(parts: parts.suffix(1)) }

  private static func takePart(_ rest: inout Substring) -> String? {
    guard rest.first == "\"" else {
      let part = rest.prefix { $0 != "." && $0 != "\"" && !$0.isWhitespace }
      rest = rest.dropFirst(part.count)
      return part.isEmpty ? nil : cut(folded(part))
    }
    rest.removeFirst()
    var part = ""
    while let character = rest.popFirst() {
      guard character == "\"" else {
        part.append(character)
        continue
      }
      guard rest.first == "\"" else { return part.isEmpty ? nil : cut(part) }
      rest.removeFirst()
      part.append("\"")
    }
    return nil
  }

  /// PostgreSQL's downcase_identifier in an encoding of several bytes: ASCII only.
  private static func folded(_ text: Substring) -> String {
    String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
  }

  /// NAMEDATALEN - 1: PostgreSQL means the same by all that is longer.
  private static func cut(_ part: String) -> String { part.prefix(utf8Bytes: 63) }

  private static func quoted(_ part: String) -> String {
    let isPlain =
      part.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
          || $0 == 0x24 || $0 >= 0x80
      } && part.utf8.first.map { $0 != 0x24 && !(0x30...0x39).contains($0) } == true
    return isPlain ? part : "\"\(part.replacing("\"", with: "\"\""))\""
  }
}
