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
  /// Layout: `Int32` function; `Int16` count and argument formats; `Int16` count and values, each
  /// an `Int32` length (-1 for null) and bytes; `Int16` result format.
  package struct FunctionCall: Hashable, Sendable {
    package let functionOID: UInt32
    package let argumentFormats: [FormatCode]
    /// `nil` for null; others are slices of the message.
    package let arguments: [ByteBuffer?]
    package let resultFormat: FormatCode

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "FunctionCall")
      functionOID = try reader.integer(UInt32.self)
      argumentFormats = try reader.formats()
      arguments = try reader.values()
      resultFormat = FormatCode(rawValue: try reader.integer(Int16.self))
      try reader.end()
    }

    /// The format of an argument; `nil` where the message names formats for fewer than it has,
    /// which the server refuses.
    package func format(ofArgument index: Int) -> FormatCode? {
      FormatCode.of(index, in: argumentFormats)
    }
  }
}
