import NIOCore

extension FrontendMessage {
  /// Makes a prepared statement.
  ///
  /// Layout: zero-terminated name and statement, `Int16` count, that many `Int32` type numbers.
  package struct Parse: Hashable, Sendable {
    package let name: WireName
    /// As sent, without the terminator; a slice of the message.
    package let sql: ByteBuffer
    /// Types the client fixes; 0 leaves one to the server. May be fewer than the parameters.
    package let parameterOIDs: [UInt32]

    package init(name: WireName, sql: ByteBuffer, parameterOIDs: [UInt32] = []) {
      self.name = name
      self.sql = sql
      self.parameterOIDs = parameterOIDs
    }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "Parse")
      name = try reader.name()
      sql = try reader.zeroTerminated()
      parameterOIDs = try reader.array(of: UInt32.self)
      try reader.end()
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(FrontendMessageType.parse) { buffer in
        name.write(into: &buffer)
        buffer.writeZeroTerminated(sql.readableBytesView)
        buffer.writeCount(parameterOIDs.count)
        for oid in parameterOIDs.prefix(Int(UInt16.max)) { buffer.writeInteger(oid) }
      }
    }
  }
}

extension BodyReader {
  /// A two-byte count and that many integers.
  mutating func array<T: FixedWidthInteger>(of type: T.Type) throws(WireError) -> [T] {
    let count = try count()
    guard count > 0 else { return [] }
    // Checked first, so that a count alone cannot make room for values that never come.
    guard remaining >= count * (T.bitWidth / 8) else { throw truncated() }
    var values: [T] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try integer(T.self)) }
    return values
  }
}
