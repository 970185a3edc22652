/// Rows in the form of a binary COPY.
///
/// Byte layout (PostgreSQL documentation, COPY, "Binary Format"): the signature, flags (0), the
/// length of the header's extension (0); for each row the count of its fields in 16 bits, then each
/// field with its length in 32 bits; at the end -1 in 16 bits.
struct CopyRows: Sendable {
  private var buffer: [UInt8] =
    Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  private(set) var count = 0

  mutating func reserve(_ bytes: Int) { buffer.reserveCapacity(buffer.count + bytes) }

  mutating func append(_ values: [SQLValue]) {
    count += 1
    buffer.appendBigEndian(Int16(clamping: values.count))
    for value in values { value.appendField(to: &buffer) }
  }

  func finished() -> [UInt8] { buffer + [0xFF, 0xFF] }
}
