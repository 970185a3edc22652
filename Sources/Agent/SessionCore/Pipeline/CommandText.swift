/// The bytes of a SQL text with what can be said of them without a parser.
///
/// String literals and comments are not told from code, so a question can be answered with yes for
/// what only stands in one of them; never with no for what stands in the code.
///
/// SAFETY: valid as long as the buffer it was made of; every index is checked against its bounds by
/// the loops below.
struct CommandText {
  /// In small letters; `nil` where the text does not begin with a word.
  let firstWord: String?
  /// Behind the first word, up to the last byte that is neither space nor a closing semicolon.
  private let rest: UnsafeRawBufferPointer

  init(_ text: UnsafeRawBufferPointer) {
    let start = Self.codeStart(in: text)
    var end = start
    while end < text.count, Self.isOfWord(text[end]) { end += 1 }
    firstWord =
      end > start && end - start <= Self.longestWord ? Self.word(text[start..<end]) : nil
    var last = text.count
    while last > end, Self.isSpace(text[last - 1]) || text[last - 1] == UInt8(ascii: ";") {
      last -= 1
    }
    rest = UnsafeRawBufferPointer(rebasing: text[end..<last])
  }

  /// Whether it is one command.
  var isSingle: Bool { !rest.contains(UInt8(ascii: ";")) }

  var hasLineComment: Bool { has(UInt8(ascii: "-"), UInt8(ascii: "-")) }

  var hasComment: Bool { hasLineComment || has(UInt8(ascii: "/"), UInt8(ascii: "*")) }

  /// Whether this word stands in it, behind the first; `word` in small letters.
  func names(_ word: String) -> Bool {
    var start = 0
    while start < rest.count {
      var end = start
      while end < rest.count, Self.isOfWord(rest[end]) { end += 1 }
      if end > start, end - start <= Self.longestWord, Self.word(rest[start..<end]) == word {
        return true
      }
      start = end + 1
    }
    return false
  }

  /// Whether something may be called that is none of ``KnownCalls``: a name, or what can end one,
  /// stands before a parenthesis, or behind the dot of a value.
  ///
  /// A function called as if it were a column of a table, `t.f`, is not told from a column.
  var callsUnknown: Bool { callsWithParentheses || callsWithDot }

  private var callsWithParentheses: Bool {
    for index in rest.indices where rest[index] == UInt8(ascii: "(") {
      let end = endOfToken(before: index)
      guard end > 0 else { continue }
      switch rest[end - 1] {
      // A comment, which can hide a name; a quoted name, or a literal that ends one.
      case UInt8(ascii: "/"), UInt8(ascii: "'"): return true
      case UInt8(ascii: "\""): if !isTarget(endingAt: end) { return true }
      case let byte where Self.isOfWord(byte):
        if !isKnownCall(endingAt: end), !isTarget(endingAt: end) { return true }
      default: continue
      }
    }
    return false
  }

  /// Whether a name stands behind the dot of a value: `(v).f`, `a[1].f` and `$1.f` call the
  /// function `f` of the value where its type has no such field.
  private var callsWithDot: Bool {
    for index in rest.indices where rest[index] == UInt8(ascii: ".") {
      let end = endOfToken(before: index)
      guard end > 0, isValue(endingAt: end) else { continue }
      var next = index + 1
      while next < rest.count, Self.isSpace(rest[next]) { next += 1 }
      guard next < rest.count, rest[next] == UInt8(ascii: "*") else { return true }
    }
    return false
  }

  /// Whether what ends there is no name and no number, or hides in a comment.
  private func isValue(endingAt end: Int) -> Bool {
    switch rest[end - 1] {
    case UInt8(ascii: ")"), UInt8(ascii: "]"): return true
    case UInt8(ascii: "/"): return end > 1 && rest[end - 2] == UInt8(ascii: "*")
    case let byte where Self.isOfWord(byte):
      // A parameter, also right behind a number.
      let word = rest[startOfWord(endingAt: end)..<end]
      guard let first = word.first, first == UInt8(ascii: "$") || Self.isDigit(first) else {
        return false
      }
      return word.contains(UInt8(ascii: "$"))
    default: return false
    }
  }

  private func isKnownCall(endingAt end: Int) -> Bool {
    let start = startOfWord(endingAt: end)
    guard end - start <= Self.longestWord, let before = endOfCode(before: start) else {
      return false
    }
    // Of another schema.
    if before > 0, rest[before - 1] == UInt8(ascii: ".") { return false }
    return KnownCalls.names.contains(Self.word(rest[start..<end]))
  }

  /// Whether the name is a table's behind INTO: its columns follow.
  private func isTarget(endingAt end: Int) -> Bool {
    var end = end
    while true {
      guard let start = startOfName(endingAt: end) else { return false }
      let before = endOfToken(before: start)
      guard before > 0 else { return false }
      if rest[before - 1] == UInt8(ascii: ".") {
        end = endOfToken(before: before - 1)
        continue
      }
      let wordStart = startOfWord(endingAt: before)
      guard before - wordStart == 4, Self.word(rest[wordStart..<before]) == "into" else {
        return false
      }
      let sign = endOfToken(before: wordStart)
      return sign == 0 || rest[sign - 1] != UInt8(ascii: ".")
    }
  }

  private func startOfName(endingAt end: Int) -> Int? {
    guard end > 0 else { return nil }
    guard rest[end - 1] == UInt8(ascii: "\"") else {
      let start = startOfWord(endingAt: end)
      return start < end ? start : nil
    }
    return rest[..<(end - 1)].lastIndex(of: UInt8(ascii: "\""))
  }

  private func startOfWord(endingAt end: Int) -> Int {
    var start = end
    while start > 0, Self.isOfWord(rest[start - 1]) { start -= 1 }
    return start
  }

  /// One behind the last byte before `index` that is no space.
  private func endOfToken(before index: Int) -> Int {
    var end = index
    while end > 0, Self.isSpace(rest[end - 1]) { end -= 1 }
    return end
  }

  /// One behind the last byte before `index` that is neither space nor comment; `nil` where a
  /// comment may have begun before its last `/*`, or what ends there may be none.
  private func endOfCode(before index: Int) -> Int? {
    var end = endOfToken(before: index)
    while end > 1, rest[end - 1] == UInt8(ascii: "/"), rest[end - 2] == UInt8(ascii: "*") {
      guard let start = startOfPlainComment(endingAt: end) else { return nil }
      end = endOfToken(before: start)
    }
    return end
  }

  /// Where a comment begins that has no other beginning or end of one in it, and none right before.
  private func startOfPlainComment(endingAt end: Int) -> Int? {
    let (star, slash) = (UInt8(ascii: "*"), UInt8(ascii: "/"))
    var index = end - 4
    while index >= 0 {
      switch (rest[index], rest[index + 1]) {
      case (slash, star): return index > 0 && rest[index - 1] == star ? nil : index
      case (star, slash): return nil
      default: index -= 1
      }
    }
    return nil
  }

  private func has(_ first: UInt8, _ second: UInt8) -> Bool {
    guard rest.count > 1 else { return false }
    for index in 1..<rest.count where rest[index] == second && rest[index - 1] == first {
      return true
    }
    return false
  }

  /// Longer ones are no keywords.
  private static let longestWord = 32

  private static func word(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
    String(decoding: bytes.lazy.map { Self.small($0) }, as: UTF8.self)
  }

  private static func small(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private static func isOfWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
      true
    default: false
    }
  }

  /// Where the first byte stands that is no space, comment or parenthesis.
  private static func codeStart(in text: UnsafeRawBufferPointer) -> Int {
    var index = 0
    while index < text.count {
      let next = index + 1 < text.count ? text[index + 1] : 0
      switch (text[index], next) {
      case (UInt8(ascii: "-"), UInt8(ascii: "-")):
        index =
          text[index...].firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
          ?? text.count
      case (UInt8(ascii: "/"), UInt8(ascii: "*")): index = endOfComment(in: text, from: index)
      case (UInt8(ascii: "("), _): index += 1
      case (let byte, _) where isSpace(byte): index += 1
      default: return index
      }
    }
    return index
  }

  /// Behind a comment, with those inside it.
  private static func endOfComment(in text: UnsafeRawBufferPointer, from start: Int) -> Int {
    var depth = 0
    var index = start
    while index + 1 < text.count {
      switch (text[index], text[index + 1]) {
      case (UInt8(ascii: "/"), UInt8(ascii: "*")):
        depth += 1
        index += 2
      case (UInt8(ascii: "*"), UInt8(ascii: "/")):
        depth -= 1
        index += 2
        if depth == 0 { return index }
      default: index += 1
      }
    }
    return text.count
  }
}

/// What may stand before a parenthesis in a statement that stays in its transaction.
enum KnownCalls {
  /// In small letters.
  static let names: Set<String> = keywords.union(types).union(functions)

  private static let keywords: Set<String> = [
    "all", "and", "any", "array", "as", "between", "by", "case", "conflict", "distinct", "else",
    "except", "exists", "filter", "from", "having", "ilike", "in", "intersect", "is", "join",
    "lateral", "like", "limit", "materialized", "not", "offset", "on", "or", "over", "returning",
    "row", "select", "set", "sets", "some", "then", "union", "using", "values", "when", "where",
  ]
  private static let types: Set<String> = [
    "bit", "char", "character", "decimal", "numeric", "time", "timestamp", "timestamptz", "varchar",
    "varying",
  ]
  private static let functions: Set<String> = [
    "abs", "age", "array_agg", "array_length", "avg", "bool_and", "bool_or", "btrim", "cast",
    "ceil", "char_length", "coalesce", "concat", "concat_ws", "count", "cume_dist", "date_part",
    "date_trunc", "dense_rank", "every", "exp", "extract", "first_value", "floor",
    "gen_random_uuid", "generate_series", "greatest", "grouping", "json_agg", "json_build_array",
    "json_build_object", "jsonb_agg", "jsonb_build_array", "jsonb_build_object", "lag",
    "last_value", "lead", "least", "left", "length", "ln", "lower", "lpad", "ltrim", "max", "md5",
    "min", "mod", "now", "ntile", "nullif", "overlay", "percent_rank", "position", "power",
    "random", "rank", "regexp_replace", "repeat", "replace", "reverse", "right", "round",
    "row_number", "row_to_json", "rpad", "rtrim", "sign", "split_part", "sqrt", "stddev",
    "string_agg", "strpos", "substr", "substring", "sum", "to_char", "to_date", "to_json",
    "to_jsonb", "to_number", "to_timestamp", "trim", "trunc", "unnest", "upper", "variance",
  ]
}
