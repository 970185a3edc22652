internal import GatewayModel

/// Rows in the form of a binary COPY.
///
/// Byte layout (PostgreSQL documentation, COPY, "Binary Format"): the signature, flags (0), the
/// length of the header's extension (0); for each row the count of its fields in 16 bits, then each
/// field with its length in 32 bits; at the end -1 in 16 bits.
struct CopyRows: Sendable {
  private var buffer: [UInt8] =
    Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  private(set) var count = 0
  /// Where the bytes of the times stand that ``stamp(_:)`` fills in.
  private var stamps: [Int] = []

  mutating func reserve(_ bytes: Int) { buffer.reserveCapacity(buffer.count + bytes) }

  mutating func append(_ values: [SQLValue]) {
    count += 1
    buffer.appendBigEndian(Int16(clamping: values.count))
    for value in values { value.appendField(to: &buffer) }
  }

  /// Appends a row with times that are known later.
  ///
  /// - Parameter stamped: The indexes of these fields; what stands in them must be a time.
  mutating func append(_ values: [SQLValue], stamped: Set<Int>) {
    count += 1
    buffer.appendBigEndian(Int16(clamping: values.count))
    for (index, value) in values.enumerated() {
      value.appendField(to: &buffer)
      if stamped.contains(index) { stamps.append(buffer.count - 8) }
    }
  }

  /// Fills the time in that was left open, in every row.
  mutating func stamp(_ time: WallTime) {
    var bytes: [UInt8] = []
    SQLValue.time(time).append(to: &bytes)
    for place in stamps {
      for (index, byte) in bytes.enumerated() { buffer[place + index] = byte }
    }
  }

  func finished() -> [UInt8] { buffer + [0xFF, 0xFF] }
}
