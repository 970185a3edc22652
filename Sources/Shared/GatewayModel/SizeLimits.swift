/// How large one thing may be on its way from a client's message into the store.
///
/// All follow from ``linkMessageBytes``: what a client may send becomes at most one record, and
/// every record fits into one message of the link. A record that did not would stop its log.
package enum SizeLimits {
  /// One message between agent and control plane.
  package static let linkMessageBytes = 64 << 20

  /// One audit record. Leaves room for a batch of others in the same message.
  package static let recordBytes = linkMessageBytes - (8 << 20)

  /// The readable texts of one message's binary parameters, summed. A text can be thousands of
  /// times as long as its binary form.
  package static let decodedBytes = 4 << 20

  /// One Query, Parse, Bind or FunctionCall, as a bundle may set it. The largest record is the
  /// begin of a statement with its parameters: the message, the decoded texts, and at most 32 bytes
  /// around each of 65,535 values and 1 MiB around the record.
  package static let statementBytes =
    10_000...(recordBytes - decodedBytes - 32 * 65_536 - (1 << 20))

  /// ``statementBytes`` where no bundle says anything.
  package static let defaultStatementBytes = 16 << 20
}
