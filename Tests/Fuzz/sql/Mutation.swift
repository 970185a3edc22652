import TestSupport

/// Makes a text out of seeds.
struct Mutation {
  let seeds: [[UInt8]]
  var generator: SplitMix64

  private static let words = [
    "SELECT", "FROM", "WHERE", "(", ")", ",", ";", "*", "WITH", "RECURSIVE", "AS", "DELETE FROM",
    "INSERT INTO",
    "UPDATE", "SET", "VALUES", "RETURNING *", "UNION ALL", "EXPLAIN ANALYZE", "PREPARE p AS",
    "COPY",
    "TO PROGRAM", "$$", "$a$", "'", "\"", "E'\\", "U&\"\\0041", "--", "/*", "*/", "::text",
    "OPERATOR(",
    "NULL", "1", "1.5e3", "$1", "::int[]", "[1:2]", ".a", "CASE WHEN", "THEN", "END", "CAST(",
    "LATERAL",
    "JOIN", "ON true", "MERGE INTO", "WHEN MATCHED THEN", "FOR UPDATE", "SET ROLE", "BEGIN", "DO",
    "\u{0}",
    "\u{FEFF}", "ß", "\u{202E}", "nextval('a')", "set_config(", "NOT", "IN (", "ARRAY[",
    "GROUPING SETS (",
    "OVER (", "INTO t", "TABLE t", "XMLTABLE(", "+", "-", "||", "@>", "#>>",
  ].map { Array(" \($0) ".utf8) }

  mutating func text() -> [UInt8] {
    var text = pick(seeds)
    for _ in 0..<below(5) { mutate(&text) }
    // Now and then long or deep.
    if below(200) == 0 { repeatPart(&text) }
    if below(200) == 0 { nest(&text) }
    return text
  }

  private mutating func mutate(_ text: inout [UInt8]) {
    let place = below(text.count + 1)
    switch below(10) {
    case 0: text.insert(contentsOf: pick(Self.words), at: place)
    case 1: text.insert(UInt8(truncatingIfNeeded: generator.next()), at: place)
    case 2: if place < text.count { text[place] = UInt8(truncatingIfNeeded: generator.next()) }
    case 3: text.removeSubrange(place..<min(text.count, place + below(12)))
    case 4: text.replaceSubrange(word(around: place, text), with: pick(Self.words))
    case 5: text.removeSubrange(word(around: place, text))
    case 6: text += Array("; ".utf8) + pick(seeds)
    case 7:
      // Words of another statement.
      let other = pick(seeds)
      let from = below(other.count + 1)
      text.insert(contentsOf: other[from..<min(other.count, from + below(40))], at: place)
    case 8:
      let part = word(around: place, text)
      text.insert(contentsOf: text[part], at: below(text.count + 1))
    default: text = Array("SELECT (".utf8) + text + Array(")".utf8)
    }
  }

  private mutating func repeatPart(_ text: inout [UInt8]) {
    let start = below(text.count + 1)
    let part = Array(text[start..<min(text.count, start + 1 + below(20))])
    guard !part.isEmpty else { return }
    let count = below(min(20_000, 200_000 / part.count))
    text.insert(contentsOf: Array(repeating: part, count: count).joined(), at: start)
  }

  private mutating func nest(_ text: inout [UInt8]) {
    let pairs = [
      ("(", ")"), ("SELECT (", ")"), ("WITH x AS (", ") SELECT 1"), ("CASE WHEN ", " END"),
      ("ARRAY[", "]"), ("f(", ")"), ("NOT ", ""), ("EXPLAIN ", ""), ("SELECT * FROM (", ") x"),
    ]
    let (left, right) = pairs[below(pairs.count)]
    let count = below(5000)
    text =
      Array(repeating: Array(left.utf8), count: count).joined() + text
      + Array(repeating: Array(right.utf8), count: count).joined()
  }

  private func word(around place: Int, _ text: [UInt8]) -> Range<Int> {
    var start = min(place, text.count)
    var end = start
    while start > 0, text[start - 1] != 0x20, place - start < 30 { start -= 1 }
    while end < text.count, text[end] != 0x20, end - place < 30 { end += 1 }
    return start..<end
  }

  private mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[below(choices.count)]
  }

  private mutating func below(_ count: Int) -> Int {
    count > 0 ? Int(truncatingIfNeeded: generator.next() % UInt64(count)) : 0
  }
}
