import NIOCore

extension BackendMessage {
  /// The server speaks an older minor version than asked, or does not know some options.
  ///
  /// Layout: `Int32` newest version, `Int32` count, that many zero-terminated option names.
  package struct NegotiateProtocolVersion: Hashable, Sendable {
    /// The newest version the server speaks with this client.
    package let newest: ProtocolVersion
    /// Names of the protocol options that the server does not know.
    package let unknownOptions: [String]

    package init(newest: ProtocolVersion, unknownOptions: [String]) {
      self.newest = newest
      self.unknownOptions = unknownOptions
    }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "NegotiateProtocolVersion")
      let newest = ProtocolVersion(code: try reader.integer(UInt32.self))
      let count = try reader.integer(Int32.self)
      guard count >= 0 else {
        throw reader.invalid("it announces \(count) options; the count must not be negative")
      }
      var options: [String] = []
      while options.count < Int(count) { options.append(try reader.lossyString()) }
      try reader.end()
      self.init(newest: newest, unknownOptions: options)
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(BackendMessageType.negotiateProtocolVersion) { buffer in
        buffer.writeInteger(newest.code)
        buffer.writeInteger(UInt32(clamping: unknownOptions.count))
        for option in unknownOptions { buffer.writeZeroTerminated(option) }
      }
    }
  }
}
