internal import GatewayModel

/// Texts that stand in an index.
enum IndexedText {
  /// An entry of a B-tree holds at most 2704 bytes. A longer text would fail the whole batch, again
  /// and again, and with it the log; the record itself keeps it whole.
  static let maximumBytes = 1000

  static func clipped(_ text: String) -> String { text.prefix(utf8Bytes: maximumBytes) }
}
