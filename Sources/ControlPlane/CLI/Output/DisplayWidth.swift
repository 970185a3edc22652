/// How many terminal cells text takes, as most terminals count: 2 for East Asian wide characters
/// and emoji, 0 for combining marks.
enum DisplayWidth {
  static func of(_ text: String) -> Int {
    // Plain ASCII is nearly everything that is shown.
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text.utf8.count }
    return text.reduce(0) { $0 + of($1) }
  }

  static func of(_ character: Character) -> Int {
    let scalars = character.unicodeScalars
    guard let first = scalars.first else { return 0 }
    if first.value >= 0x20 && first.value < 0x7F && scalars.count == 1 { return 1 }
    // U+FE0F asks for the emoji form of a character that also has a text form.
    if scalars.contains(where: { $0.value == 0xFE0F || $0.properties.isEmojiPresentation }) {
      return 2
    }
    switch first.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .control, .format: return 0
    default: return isWide(first) ? 2 : 1
    }
  }

  /// The blocks whose characters are W or F in Unicode's EastAsianWidth.txt.
  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
      0xA000...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19,
      0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18CFF, 0x1AFF0...0x1B2FF,
      0x20000...0x3FFFD:
      true
    default: false
    }
  }

  /// The text in at most `width` cells, ending in `…` when something was cut.
  static func cut(_ text: String, to width: Int) -> String {
    guard width > 0 else { return "" }
    if text.utf8.count <= width { return text }
    var result = ""
    var used = 0
    // What fits if the rest has to give way to the ellipsis.
    var shortened = ""
    for character in text {
      let cells = of(character)
      guard used + cells <= width else { return shortened + "…" }
      result.append(character)
      used += cells
      if used <= width - 1 { shortened = result }
    }
    return result
  }

  /// The text in lines of at most `width` cells, broken at spaces where there are any; `nil` breaks
  /// nothing.
  static func wrapped(_ text: String, to width: Int?) -> [String] {
    guard let width, width > 0, of(text) > width else { return [text] }
    var lines: [String] = []
    var line: [Character] = []
    var used = 0
    var lastSpace: Int?
    for character in text {
      let cells = of(character)
      if used + cells > width, !line.isEmpty {
        // A space in the line's second half; else the line is cut where it is full.
        if let space = lastSpace, space > line.count / 2 {
          lines.append(String(line[..<space]))
          line = Array(line[(space + 1)...])
          used = line.reduce(0) { $0 + of($1) }
        } else {
          lines.append(String(line))
          (line, used) = ([], 0)
        }
        lastSpace = nil
      }
      if character == " " { lastSpace = line.count }
      line.append(character)
      used += cells
    }
    if !line.isEmpty { lines.append(String(line)) }
    return lines
  }

  /// The text cut to `width` cells and filled up with spaces.
  static func fit(_ text: String, to width: Int, rightAligned: Bool = false) -> String {
    let shown = cut(text, to: width)
    let padding = String(repeating: " ", count: max(0, width - of(shown)))
    return rightAligned ? padding + shown : shown + padding
  }
}
