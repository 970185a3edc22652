import NIOCore

extension BackendMessage {
  /// A setting that the server reports.
  ///
  /// Layout: zero-terminated name and value.
  package struct ParameterStatus: Hashable, Sendable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "ParameterStatus")
      name = try reader.lossyString()
      value = try reader.lossyString()
      try reader.end()
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(BackendMessageType.parameterStatus) { buffer in
        buffer.writeZeroTerminated(name)
        buffer.writeZeroTerminated(value)
      }
    }
  }
}
