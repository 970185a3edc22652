import NIOCore

extension FrontendMessage {
  /// A password, as it is or hashed for md5.
  ///
  /// Layout: one zero-terminated string.
  package struct PasswordMessage: Hashable, Sendable {
    /// Without the terminator.
    package let password: SensitiveBytes

    package init(password: some Sequence<UInt8>) { self.password = SensitiveBytes(password) }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "PasswordMessage")
      password = SensitiveBytes(try reader.zeroTerminated())
      try reader.end()
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(FrontendMessageType.password) { buffer in
        buffer.writeZeroTerminated(password.bytes)
      }
    }
  }

  /// The first message of a SASL exchange.
  ///
  /// Layout: zero-terminated mechanism, `Int32` length or -1, data.
  package struct SASLInitialResponse: Hashable, Sendable {
    package let mechanism: String
    package let data: SensitiveBytes?

    package init(mechanism: String, data: [UInt8]?) {
      self.mechanism = mechanism
      self.data = data.map { SensitiveBytes($0) }
    }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "SASLInitialResponse")
      mechanism = try reader.string()
      data = try reader.value().map { SensitiveBytes($0) }
      try reader.end()
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(FrontendMessageType.password) { buffer in
        buffer.writeZeroTerminated(mechanism)
        buffer.writeValue(data.map { ByteBuffer(bytes: $0.bytes) })
      }
    }
  }

  /// A later message of a SASL exchange; the body is its data.
  package struct SASLResponse: Hashable, Sendable {
    package let data: SensitiveBytes

    package init(data: some Sequence<UInt8>) { self.data = SensitiveBytes(data) }
    package init(decoding body: ByteBuffer) { data = SensitiveBytes(body) }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(FrontendMessageType.password) { $0.writeBytes(data.bytes) }
    }
  }
}
