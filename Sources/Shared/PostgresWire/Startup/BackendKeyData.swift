import NIOCore

extension BackendMessage {
  /// The key for cancelling this session's statements.
  ///
  /// Layout: `Int32` process id, then the secret to the end.
  package struct BackendKeyData: Hashable, Sendable {
    package let key: CancelKey

    package init(key: CancelKey) { self.key = key }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "BackendKeyData")
      self.init(key: try CancelKey(reading: &reader))
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(BackendMessageType.backendKeyData) { buffer in
        buffer.writeInteger(key.processID)
        buffer.writeBytes(key.secret.bytes)
      }
    }
  }
}
