/// Bounds of what a client says of itself, in records.
enum AssertedText {
  /// A name: user, database, application. PostgreSQL's own names have 63 bytes.
  static let nameBytes = 256
  /// A sentence of ours that quotes such names.
  static let sentenceBytes = 1_024
}
