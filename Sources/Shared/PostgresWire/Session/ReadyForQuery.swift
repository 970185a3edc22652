import NIOCore

/// Where a session stands in relation to transactions.
package enum TransactionStatus: UInt8, Hashable, Sendable, CaseIterable {
  case idle = 0x49  // I
  case inTransaction = 0x54  // T
  /// Statements are refused until the transaction ends.
  case failed = 0x45  // E
}

extension BackendMessage {
  /// The server takes the next statement.
  ///
  /// Layout: one byte, the transaction's status.
  package struct ReadyForQuery: Hashable, Sendable {
    package let status: TransactionStatus

    package init(status: TransactionStatus) { self.status = status }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "ReadyForQuery")
      let byte = try reader.integer(UInt8.self)
      guard let status = TransactionStatus(rawValue: byte) else {
        throw reader.invalid("its status is \(byte); it must be 'I', 'T' or 'E'")
      }
      self.status = status
      try reader.end()
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(BackendMessageType.readyForQuery) { $0.writeInteger(status.rawValue) }
    }
  }
}
