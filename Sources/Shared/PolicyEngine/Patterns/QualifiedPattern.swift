/// The parts of a pattern for names in SQL: folded as PostgreSQL folds them, `*` a wildcard unless it
/// is quoted.
struct QualifiedPattern {
  /// One to `maximumParts`, the object's own name last.
  var parts: [NamePattern]

  /// - Parameter example: What a well-formed one looks like, for the remedy.
  init(text: String, maximumParts: Int, example: String) throws(PatternFailure) {
    let refusal = PatternFailure(
      "\(text.debugDescription) is not a name of this kind",
      remedy: "write it as in SQL, such as \(example)")
    guard text.utf8.count <= NamePattern.maximumBytes else {
      throw PatternFailure(
        "the name \"\(text.prefix(24))…\" has \(text.utf8.count) bytes",
        remedy: "write at most \(NamePattern.maximumBytes)")
    }
    var rest = text[...]
    parts = []
    while true {
      guard let part = try Self.takePart(&rest, refusal) else { throw refusal }
      parts.append(part)
      if rest.isEmpty { return }
      guard rest.first == "." else { throw refusal }
      guard parts.count < maximumParts else {
        throw PatternFailure(
          "\"\(text)\" has more than \(maximumParts) parts",
          remedy: "leave the database out; write it such as \(example)")
      }
      rest.removeFirst()
    }
  }

  private static func takePart(
    _ rest: inout Substring, _ refusal: PatternFailure
  ) throws(PatternFailure) -> NamePattern? {
    if rest.first == "\"" { return try takeQuoted(&rest) }
    let part = rest.prefix {
      $0 != "." && $0 != "\"" && $0 != "(" && $0 != "," && $0 != ";" && !$0.isWhitespace
    }
    rest = rest.dropFirst(part.count)
    guard !part.isEmpty else { return nil }
    let folded = String(
      decoding: part.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    try checkLength(folded)
    return try NamePattern(text: folded)
  }

  private static func takeQuoted(_ rest: inout Substring) throws(PatternFailure) -> NamePattern? {
    rest.removeFirst()
    var part = ""
    while let character = rest.popFirst() {
      guard character == "\"" else {
        part.append(character)
        continue
      }
      guard rest.first == "\"" else {
        try checkLength(part)
        return part.isEmpty ? nil : NamePattern(literal: part)
      }
      rest.removeFirst()
      part.append("\"")
    }
    return nil
  }

  /// NAMEDATALEN - 1: PostgreSQL cuts what is longer, so such a pattern would match nothing.
  private static func checkLength(_ part: String) throws(PatternFailure) {
    guard part.utf8.count <= 63 else {
      throw PatternFailure(
        "the name \"\(part.prefix(24))…\" has \(part.utf8.count) bytes",
        remedy: "write the first 63, which are all that PostgreSQL keeps")
    }
  }
}
