/// A name in which `*` stands for any characters, or none.
///
/// Names are compared byte by byte, as PostgreSQL compares them: two ways to write an accented letter
/// are two names.
package struct NamePattern: PolicyText {
  private enum Form: Hashable {
    case any
    case exact(isASCII: Bool)
    /// What stands between the stars: the first at the beginning, the last at the end.
    case glob([[UInt8]])
  }

  package let text: String
  private let form: Form

  package static let maximumBytes = 256
  /// Each star costs a search.
  package static let maximumStars = 8

  package static let any = NamePattern(text: "*", form: .any)

  package init(text: String) throws(PatternFailure) {
    guard !text.isEmpty else {
      throw PatternFailure("the name is empty", remedy: "write a name, or \"*\" for any")
    }
    guard text.utf8.count <= Self.maximumBytes else {
      throw PatternFailure(
        "the name \"\(text.prefix(24))…\" has \(text.utf8.count) bytes",
        remedy: "write at most \(Self.maximumBytes)")
    }
    guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
      throw PatternFailure(
        "the name \(text.debugDescription) has a control character",
        remedy: "write it without line breaks, tabs and the like")
    }
    let pieces = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
    guard pieces.count <= Self.maximumStars + 1 else {
      throw PatternFailure(
        "the pattern \"\(text)\" has \(pieces.count - 1) stars",
        remedy: "write at most \(Self.maximumStars)")
    }
    guard !text.contains("**") else {
      throw PatternFailure(
        "the pattern \"\(text)\" has two stars in a row",
        remedy: "one \"*\" stands for any number of characters")
    }
    if text == "*" {
      self = .any
    } else if pieces.count == 1 {
      self.init(literal: text)
    } else {
      self.init(text: text, form: .glob(pieces.map(Array.init)))
    }
  }

  /// The pattern that matches this name alone, also when it has a star in it.
  init(literal: String) {
    self.init(text: literal, form: .exact(isASCII: literal.utf8.allSatisfy { $0 < 0x80 }))
  }

  private init(text: String, form: Form) {
    self.text = text
    self.form = form
  }

  package var description: String { text }

  /// Whether it matches every name.
  package var isAny: Bool { form == .any }

  /// Whether it matches one name alone.
  package var isExact: Bool {
    if case .exact = form { true } else { false }
  }

  package func matches(_ name: String) -> Bool {
    switch form {
    case .any: true
    // Swift takes canonically equal texts for equal; with as many bytes an ASCII text is the same.
    case .exact(let isASCII):
      isASCII
        ? name.utf8.count == text.utf8.count && name == text
        : name.utf8.elementsEqual(text.utf8)
    case .glob(let pieces): Self.glob(pieces, name)
    }
  }

  /// Whether every name that `other` matches is matched by this one; `false` also where it is only
  /// not seen that it is.
  package func covers(_ other: NamePattern) -> Bool {
    if isAny || self == other { return true }
    switch (form, other.form) {
    // A star of the other pattern stands for itself here: what takes it takes what it stands for
    // only where it falls into one of this pattern's own stars, and no piece of a pattern has one.
    case (.glob(let pieces), _): return Self.glob(pieces, other.text)
    default: return false
    }
  }

  private static func glob(_ pieces: [[UInt8]], _ text: String) -> Bool {
    // Most names begin in another way, which is told without a copy.
    guard let first = pieces.first, let last = pieces.last,
      text.utf8.count >= first.count + last.count, text.utf8.starts(with: first)
    else { return false }
    let name = Array(text.utf8)
    guard name.suffix(last.count).elementsEqual(last) else { return false }
    var rest = name[first.count..<(name.count - last.count)]
    for piece in pieces.dropFirst().dropLast() {
      guard let end = Self.end(of: piece, in: rest) else { return false }
      rest = rest[end...]
    }
    return true
  }

  /// The index behind the first occurrence.
  private static func end(of piece: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
    guard bytes.count >= piece.count else { return nil }
    for start in bytes.startIndex...(bytes.endIndex - piece.count)
    where bytes[start..<(start + piece.count)].elementsEqual(piece) {
      return start + piece.count
    }
    return nil
  }
}
