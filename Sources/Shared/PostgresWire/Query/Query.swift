import NIOCore

extension FrontendMessage {
  /// A simple query: statements to run at once.
  ///
  /// Layout: one zero-terminated string.
  package struct Query: Hashable, Sendable {
    /// As sent, without the terminator; a slice of the message.
    package let sql: ByteBuffer

    package init(sql: String) { self.sql = ByteBuffer(string: sql) }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "Query")
      sql = try reader.zeroTerminated()
      try reader.end()
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(FrontendMessageType.query) { buffer in
        buffer.writeZeroTerminated(sql.readableBytesView)
      }
    }
  }

  /// A call of a server function by its number (PostgreSQL's "fast path").
  ///
  /// Layout: `Int32` function, then arguments in the form of Bind.
  package struct FunctionCall: Hashable, Sendable {
    package let functionOID: UInt32
    /// Not looked into.
    package let arguments: ByteBuffer

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "FunctionCall")
      functionOID = try reader.integer(UInt32.self)
      arguments = reader.rest()
    }
  }
}
