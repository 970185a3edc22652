import NIOCore

/// Writes binary values as the server's output functions write them.
///
/// The work is bounded as the text is: every byte written is a step, at each level of nesting, and
/// so is what a value costs without writing much.
struct ValuePrinter {
  private(set) var text: [UInt8] = []
  let limit: Int
  /// Steps of work that may still be done.
  private(set) var effort: Int

  init(limit: Int, effort: Int) {
    self.limit = limit
    self.effort = effort
  }

  mutating func write(_ string: String) throws(UnreadableValue) {
    try claim(string.utf8.count)
    text.append(contentsOf: string.utf8)
  }

  mutating func write(_ bytes: ByteBuffer) throws(UnreadableValue) {
    try claim(bytes.readableBytes)
    text.append(contentsOf: bytes.readableBytesView)
  }

  mutating func write(byte: UInt8) throws(UnreadableValue) {
    try claim(1)
    text.append(byte)
  }

  /// Makes sure that there is room for so many bytes of text, and counts them as work.
  private mutating func claim(_ count: Int) throws(UnreadableValue) {
    guard count <= limit - text.count else { throw UnreadableValue() }
    try spend(count)
  }

  /// Counts work, before it is done.
  mutating func spend(_ steps: Int) throws(UnreadableValue) {
    guard steps <= effort else { throw UnreadableValue() }
    effort -= steps
  }

  /// What a value costs besides its text, in steps of a written byte.
  enum Cost {
    static let ofValue = 16
    /// Where a value is laid out with strings of its own.
    static let ofLayout = 64
    static let ofAddress = 128
  }

  /// Prints a value that stands inside another, with its own limits counted into ours.
  mutating func inner(_ bytes: ByteBuffer, oid: UInt32) throws(UnreadableValue) -> [UInt8] {
    var printer = ValuePrinter(limit: limit - text.count, effort: effort)
    defer { effort = printer.effort }
    try printer.print(bytes, oid: oid)
    return printer.text
  }

  /// At least `width` digits, filled with zeros; without a sign.
  mutating func write(_ number: Int, width: Int) throws(UnreadableValue) {
    let digits = String(number.magnitude)
    for _ in 0..<max(0, width - digits.utf8.count) { try write(byte: UInt8(ascii: "0")) }
    try write(digits)
  }

  mutating func writeHex(_ bytes: ByteBuffer) throws(UnreadableValue) {
    try claim(bytes.readableBytes * 2)
    for byte in bytes.readableBytesView {
      text.append(Self.hexDigit(byte >> 4))
      text.append(Self.hexDigit(byte & 15))
    }
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + (value - 10)
  }

  mutating func print(_ bytes: ByteBuffer, oid: UInt32) throws(UnreadableValue) {
    try spend(Cost.ofValue)
    guard let type = BuiltInType(oid: oid) else { throw UnreadableValue() }
    var reader = ValueReader(bytes)
    switch type {
    case .array(let element): try printArray(&reader, element: element)
    case .vector(let element): try printVector(&reader, element: element)
    case .range(let element): try printRange(&reader, element: element)
    case .multirange(let range): try printMultirange(&reader, range: range)
    default: try printScalar(type, &reader)
    }
    try reader.end()
  }

  private mutating func printScalar(
    _ type: BuiltInType, _ reader: inout ValueReader
  ) throws(UnreadableValue) {
    switch type {
    case .bool: try write(try reader.integer(UInt8.self) == 0 ? "f" : "t")
    case .int2: try write(String(try reader.integer(Int16.self)))
    case .int4: try write(String(try reader.integer(Int32.self)))
    case .int8: try write(String(try reader.integer(Int64.self)))
    case .unsigned32: try write(String(try reader.integer(UInt32.self)))
    case .unsigned64: try write(String(try reader.integer(UInt64.self)))
    case .float4: try printFloat(Float(bitPattern: try reader.integer(UInt32.self)))
    case .float8: try printDouble(&reader)
    case .numeric: try printNumeric(&reader)
    case .money: try printMoney(&reader)
    case .text: try write(reader.rest())
    case .singleCharacter: try printCharacter(&reader)
    case .versionedText:
      guard try reader.integer(UInt8.self) == 1 else { throw UnreadableValue() }
      try write(reader.rest())
    case .bytea:
      try write("\\x")
      try writeHex(reader.rest())
    case .uuid: try printUUID(&reader)
    case .date, .time, .timeWithZone, .timestamp, .timestampWithZone, .interval:
      try printDateTime(type, &reader)
    case .inet, .cidr: try printAddress(&reader, alwaysWithLength: type == .cidr)
    case .macAddress: try printHardwareAddress(&reader, count: 6)
    case .macAddress8: try printHardwareAddress(&reader, count: 8)
    case .bits: try printBits(&reader)
    case .point, .lineSegment, .path, .box, .polygon, .line, .circle:
      try printShape(type, &reader)
    case .tuple:
      try write("(\(try reader.integer(UInt32.self)),\(try reader.integer(UInt16.self)))")
    case .logPosition:
      let high = String(try reader.integer(UInt32.self), radix: 16, uppercase: true)
      try write("\(high)/\(String(try reader.integer(UInt32.self), radix: 16, uppercase: true))")
    case .array, .vector, .range, .multirange: throw UnreadableValue()
    }
  }

  private mutating func printCharacter(_ reader: inout ValueReader) throws(UnreadableValue) {
    let byte = try reader.integer(UInt8.self)
    switch byte {
    case 0: return
    case 1..<0x80: try write(byte: byte)
    default:
      // As PostgreSQL 16 and later print it: a lone byte above ASCII is not UTF-8.
      try write("\\" + String(byte, radix: 8))
    }
  }

  private mutating func printUUID(_ reader: inout ValueReader) throws(UnreadableValue) {
    for (index, count) in [4, 2, 2, 2, 6].enumerated() {
      if index > 0 { try write("-") }
      try writeHex(try reader.slice(count))
    }
  }

  private mutating func printBits(_ reader: inout ValueReader) throws(UnreadableValue) {
    let count = Int(try reader.integer(Int32.self))
    let bytes = reader.rest()
    guard count >= 0, bytes.readableBytes == (count + 7) / 8 else { throw UnreadableValue() }
    try claim(count)
    var left = count
    for byte in bytes.readableBytesView {
      for bit in 0..<min(left, 8) {
        text.append(byte & (0x80 >> bit) == 0 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
      }
      left -= min(left, 8)
    }
  }
}
