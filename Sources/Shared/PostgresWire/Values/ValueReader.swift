import NIOCore

/// Reads the fields of one binary value; every read is bounded by the value.
struct ValueReader {
  private var bytes: ByteBuffer

  init(_ bytes: ByteBuffer) { self.bytes = bytes }

  var remaining: Int { bytes.readableBytes }

  mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(UnreadableValue) -> T
  {
    guard let value = bytes.readInteger(as: T.self) else { throw UnreadableValue() }
    return value
  }

  mutating func double() throws(UnreadableValue) -> Double {
    Double(bitPattern: try integer(UInt64.self))
  }

  mutating func slice(_ count: Int) throws(UnreadableValue) -> ByteBuffer {
    guard count >= 0, let slice = bytes.readSlice(length: count) else { throw UnreadableValue() }
    return slice
  }

  mutating func rest() -> ByteBuffer {
    let slice = bytes
    bytes.moveReaderIndex(to: bytes.writerIndex)
    return slice
  }

  /// A four-byte count of things of at least `size` bytes each, which must all be there.
  mutating func count(ofSize size: Int) throws(UnreadableValue) -> Int {
    let count = Int(try integer(Int32.self))
    guard count >= 0, count <= remaining / size else { throw UnreadableValue() }
    return count
  }

  /// A four-byte length and that many bytes; `nil` for -1.
  mutating func value() throws(UnreadableValue) -> ByteBuffer? {
    let length = Int(try integer(Int32.self))
    return length == -1 ? nil : try slice(length)
  }

  func end() throws(UnreadableValue) {
    guard remaining == 0 else { throw UnreadableValue() }
  }
}
