internal import GatewayModel

/// Texts that stand in an index.
enum IndexedText {
  /// An entry of a B-tree holds at most 2704 bytes. A longer text would fail the whole batch, again
  /// and again, and with it the log; the record itself keeps it whole.
  static let maximumBytes = 1000

  static func clipped(_ text: String) -> String { text.prefix(utf8Bytes: maximumBytes) }

  /// A subject as `sallyport.session.chain_subjects` has it: its first 250 characters.
  static func subject(_ text: String) -> String {
    // Of a hostile text a character may be as long as it likes; PostgreSQL counts code points.
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(250)))
  }
}
