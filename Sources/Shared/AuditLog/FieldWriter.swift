import GatewayModel

/// Writes protobuf fields by hand to the end of a reusable buffer, so that a record of the hot
/// path costs no allocation.
///
/// Byte layout of a field (protobuf encoding, "Message Structure"): the tag, a varint of
/// `number << 3 | wire type`, then
/// ```
/// wire type 0  varint           base 128, low group first, the high bit set but on the last
/// wire type 1  8 bytes          little-endian
/// wire type 2  varint length    then that many bytes: text, bytes or a message
/// ```
/// A field whose value is the default of proto3 (0, false, empty) is not written; the fields of a
/// `oneof` are, and so are elements of repeated fields.
package struct FieldWriter: Sendable {
  package private(set) var bytes: [UInt8]

  package init(reserving capacity: Int = 0) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  package var count: Int { bytes.count }

  /// Forgets what stands from `count` on; the capacity stays. Does nothing when less is there.
  package mutating func removeAll(after count: Int = 0) {
    guard count >= 0, count < bytes.count else { return }
    bytes.removeSubrange(count...)
  }

  package mutating func reserve(_ more: Int) {
    // Growing to exactly what is asked for would copy the buffer at every record.
    if bytes.capacity - bytes.count < more {
      bytes.reserveCapacity(max(bytes.count + more, bytes.capacity * 2))
    }
  }

  // MARK: Raw parts

  @inline(__always)
  package mutating func appendVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  @inline(__always)
  private mutating func appendTag(_ number: UInt32, wireType: UInt32) {
    appendVarint(UInt64(number << 3 | wireType))
  }

  package mutating func appendLittleEndian(_ value: UInt64) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  package mutating func appendRaw(_ raw: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: raw)
  }

  package mutating func appendByte(_ byte: UInt8) {
    bytes.append(byte)
  }

  /// Puts a little-endian 32-bit number over four bytes that are there already; does nothing when
  /// they are not.
  package mutating func overwrite(at offset: Int, with value: UInt32) {
    guard offset >= 0, offset <= bytes.count - 4 else { return }
    withUnsafeBytes(of: value.littleEndian) { source in
      for index in 0..<4 { bytes[offset + index] = source[index] }
    }
  }

  // MARK: Fields

  @inline(__always)
  package mutating func varint(_ number: UInt32, _ value: UInt64) {
    guard value != 0 else { return }
    appendTag(number, wireType: 0)
    appendVarint(value)
  }

  @inline(__always)
  package mutating func varint(_ number: UInt32, _ value: UInt32) {
    varint(number, UInt64(value))
  }

  package mutating func bool(_ number: UInt32, _ value: Bool) {
    varint(number, value ? 1 : UInt64(0))
  }

  package mutating func fixed64(_ number: UInt32, _ value: UInt64) {
    guard value != 0 else { return }
    appendTag(number, wireType: 1)
    appendLittleEndian(value)
  }

  package mutating func time(_ number: UInt32, _ value: WallTime) {
    fixed64(number, UInt64(bitPattern: value.unixNanoseconds))
  }

  package mutating func string(_ number: UInt32, _ value: String) {
    guard !value.isEmpty else { return }
    element(number, value)
  }

  package mutating func string(_ number: UInt32, _ value: String?) {
    if let value { string(number, value) }
  }

  /// A string that is written also when it is empty: an element of a repeated field or of a oneof.
  package mutating func element(_ number: UInt32, _ value: String) {
    var value = value
    value.withUTF8 { utf8 in
      appendTag(number, wireType: 2)
      appendVarint(UInt64(utf8.count))
      bytes.append(contentsOf: utf8)
    }
  }

  package mutating func bytes(_ number: UInt32, _ value: [UInt8]) {
    guard !value.isEmpty else { return }
    element(number, value)
  }

  /// Bytes that are written also when there are none.
  package mutating func element(_ number: UInt32, _ value: [UInt8]) {
    appendTag(number, wireType: 2)
    appendVarint(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  package mutating func bytes(_ number: UInt32, _ value: UnsafeRawBufferPointer) {
    guard !value.isEmpty else { return }
    appendTag(number, wireType: 2)
    appendVarint(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  /// An identifier as 16 big-endian bytes. It is written also when it is all zero: presence says
  /// that there is one.
  package mutating func identifier(_ number: UInt32, _ value: Identifier128) {
    appendTag(number, wireType: 2)
    appendVarint(16)
    withUnsafeBytes(of: (value.high.bigEndian, value.low.bigEndian)) {
      bytes.append(contentsOf: $0)
    }
  }

  package mutating func digest(_ number: UInt32, _ value: StatementDigest) {
    appendTag(number, wireType: 2)
    appendVarint(32)
    value.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  package mutating func digest(_ number: UInt32, _ value: StatementDigest?) {
    if let value { digest(number, value) }
  }

  /// A message field: `content` writes the fields of the message.
  ///
  /// The length stands before the content and is known after it. One byte is kept for it, which is
  /// right for up to 127 bytes; a longer message is moved up by the rest of its length.
  package mutating func message(_ number: UInt32, _ content: (inout FieldWriter) -> Void) {
    appendTag(number, wireType: 2)
    let lengthOffset = bytes.count
    bytes.append(0)
    content(&self)
    closeMessage(lengthOffset)
  }

  private mutating func closeMessage(_ lengthOffset: Int) {
    var rest = UInt64(bytes.count - lengthOffset - 1)
    if rest < 0x80 {
      bytes[lengthOffset] = UInt8(truncatingIfNeeded: rest)
      return
    }
    bytes[lengthOffset] = UInt8(truncatingIfNeeded: rest) | 0x80
    rest >>= 7
    var offset = lengthOffset + 1
    // One turn up to 16 KiB, two up to 2 MiB; each moves the content up by a byte.
    while rest >= 0x80 {
      bytes.insert(UInt8(truncatingIfNeeded: rest) | 0x80, at: offset)
      rest >>= 7
      offset += 1
    }
    bytes.insert(UInt8(truncatingIfNeeded: rest), at: offset)
  }
}
