import NIOCore

extension ByteBuffer {
  /// Writes a typed message whose body is what `body` writes.
  mutating func writeMessage(
    _ type: some MessageType, _ body: (inout ByteBuffer) -> Void
  ) {
    writeInteger(type.rawValue)
    writeLengthPrefixed(body)
  }

  /// Writes a length that counts itself, then what `body` writes.
  mutating func writeLengthPrefixed(_ body: (inout ByteBuffer) -> Void) {
    let start = writerIndex
    writeInteger(UInt32(0))
    body(&self)
    setInteger(UInt32(clamping: writerIndex - start), at: start)
  }

  /// Writes the bytes that are not zero, and the terminator.
  ///
  /// A zero byte inside would end the string early and let its rest pass for other fields.
  mutating func writeZeroTerminated(_ bytes: some Collection<UInt8>) {
    if bytes.contains(0) {
      writeBytes(bytes.lazy.filter { $0 != 0 })
    } else {
      writeBytes(bytes)
    }
    writeInteger(UInt8(0))
  }

  mutating func writeZeroTerminated(_ text: String) { writeZeroTerminated(text.utf8) }

  /// A two-byte count of at most 65,535.
  mutating func writeCount(_ count: Int) { writeInteger(UInt16(clamping: count)) }

  /// A four-byte length and the bytes, or -1 for null.
  mutating func writeValue(_ value: ByteBuffer?) {
    guard let value else {
      writeInteger(Int32(-1))
      return
    }
    writeInteger(Int32(clamping: value.readableBytes))
    writeImmutableBuffer(value)
  }
}
