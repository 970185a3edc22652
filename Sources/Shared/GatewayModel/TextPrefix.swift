extension String {
  /// The first bytes of the text, at most `limit`, up to where a character's code point begins.
  ///
  /// So that what is cut off leaves no broken character behind; a negative limit counts as 0.
  package func prefix(utf8Bytes limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var end = utf8.index(utf8.startIndex, offsetBy: max(0, limit))
    while end > utf8.startIndex, UTF8.isContinuation(utf8[end]) { utf8.formIndex(before: &end) }
    return String(self[..<end])
  }
}
