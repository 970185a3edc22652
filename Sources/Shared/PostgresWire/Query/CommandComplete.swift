import NIOCore

extension BackendMessage {
  /// A statement has ended well.
  ///
  /// Layout: the command tag as one zero-terminated string.
  package struct CommandComplete: Hashable, Sendable {
    package let tag: String

    package init(tag: String) { self.tag = tag }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "CommandComplete")
      tag = try reader.lossyString()
      try reader.end()
    }

    /// The rows that the tag counts: its last word where that is a number.
    ///
    /// `INSERT 0 n` (0 is an object number of old), and `n` behind SELECT, UPDATE, DELETE, MERGE,
    /// MOVE, FETCH and COPY; `nil` for commands that count none.
    package var rows: UInt64? {
      let text = tag.utf8
      guard let space = text.lastIndex(of: UInt8(ascii: " ")) else { return nil }
      var rows: UInt64 = 0
      let digits = text[text.index(after: space)...]
      guard !digits.isEmpty else { return nil }
      for byte in digits {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        let (product, overflow) = rows.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
        if overflow || carry { return nil }
        rows = sum
      }
      return rows
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(BackendMessageType.commandComplete) { $0.writeZeroTerminated(tag) }
    }
  }
}
