/// Bounds of what a client says of itself, in records.
enum AssertedText {
  /// A name: user, database, application. PostgreSQL's own names have 63 bytes.
  static let nameBytes = 256
  /// A sentence of ours that quotes such names.
  static let sentenceBytes = 1_024
}

extension String {
  /// The first bytes of the text, at most `limit`, up to where a character begins.
  func prefix(utf8Bytes limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var end = utf8.index(utf8.startIndex, offsetBy: max(0, limit))
    while end > utf8.startIndex, UTF8.isContinuation(utf8[end]) { utf8.formIndex(before: &end) }
    return String(self[..<end])
  }
}
