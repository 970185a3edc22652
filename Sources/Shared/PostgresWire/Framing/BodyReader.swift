import NIOCore

/// Reads the fields of one message body in order; every read is bounded by the body.
struct BodyReader {
  private var body: ByteBuffer
  /// The message's name in the protocol documentation, for error texts.
  let message: StaticString

  init(_ body: ByteBuffer, _ message: StaticString) {
    self.body = body
    self.message = message
  }

  var remaining: Int { body.readableBytes }

  mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(WireError) -> T {
    guard let value = body.readInteger(as: T.self) else { throw truncated() }
    return value
  }

  /// A two-byte count. The server reads these unsigned, so a "negative" count is a large one.
  mutating func count() throws(WireError) -> Int { Int(try integer(UInt16.self)) }

  mutating func bytes(_ count: Int) throws(WireError) -> ByteBuffer {
    guard count >= 0, let slice = body.readSlice(length: count) else { throw truncated() }
    return slice
  }

  mutating func rest() -> ByteBuffer {
    let slice = body
    body.moveReaderIndex(to: body.writerIndex)
    return slice
  }

  /// A length-prefixed value: `nil` for -1, which stands for SQL's null.
  mutating func value() throws(WireError) -> ByteBuffer? {
    let length = try integer(Int32.self)
    if length == -1 { return nil }
    guard length >= 0 else {
      throw WireError(
        .invalidValue,
        "cannot read \(message): a value has the length \(length); it must be -1 or more")
    }
    return try bytes(Int(length))
  }

  /// The bytes before the next zero byte, which is consumed too.
  mutating func zeroTerminated() throws(WireError) -> ByteBuffer {
    let length = body.withUnsafeReadableBytes { $0.firstIndex(of: 0) }
    guard let length, let slice = body.readSlice(length: length) else {
      throw WireError(
        .truncated, "cannot read \(message): a string has no terminating zero byte; end it with one"
      )
    }
    body.moveReaderIndex(forwardBy: 1)
    return slice
  }

  mutating func name() throws(WireError) -> WireName { WireName(try zeroTerminated()) }

  /// A string that must be UTF-8.
  mutating func string() throws(WireError) -> String {
    let slice = try zeroTerminated()
    guard let text = String(validating: slice.readableBytesView, as: UTF8.self) else {
      throw WireError(
        .invalidValue, "cannot read \(message): a string is not UTF-8; encode it as UTF-8")
    }
    return text
  }

  /// A string for showing only: what is not UTF-8 is replaced.
  mutating func lossyString() throws(WireError) -> String { String(buffer: try zeroTerminated()) }

  func end() throws(WireError) {
    guard remaining == 0 else {
      throw WireError(
        .trailingBytes,
        "cannot read \(message): \(remaining) bytes follow its last field; send none")
    }
  }

  func truncated() -> WireError {
    WireError(
      .truncated, "cannot read \(message): a field reaches beyond its end; mend its length fields")
  }

  func invalid(_ what: String) -> WireError {
    WireError(.invalidValue, "cannot read \(message): \(what)")
  }
}
