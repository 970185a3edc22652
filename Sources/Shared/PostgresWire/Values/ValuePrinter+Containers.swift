import NIOCore

extension ValuePrinter {
  private static let boxOID: UInt32 = 603

  /// Layout: `Int32` dimensions, `Int32` whether nulls, `Int32` element type; per dimension `Int32`
  /// length and lower bound; values.
  mutating func printArray(
    _ reader: inout ValueReader, element: UInt32
  ) throws(UnreadableValue) {
    let (lengths, bounds) = try dimensions(&reader, element: element)
    guard !lengths.isEmpty, !lengths.contains(0) else { return try write("{}") }
    if bounds.contains(where: { $0 != 1 }) {
      for (length, bound) in zip(lengths, bounds) {
        try write("[\(bound):\(bound + length - 1)]")
      }
      try write("=")
    }
    let delimiter = element == Self.boxOID ? UInt8(ascii: ";") : UInt8(ascii: ",")
    try printDimension(lengths[...], &reader, element: element, delimiter: delimiter)
  }

  /// The depth is at most that of ``dimensions(_:element:)``.
  private mutating func printDimension(
    _ lengths: ArraySlice<Int>, _ reader: inout ValueReader, element: UInt32, delimiter: UInt8
  ) throws(UnreadableValue) {
    guard let length = lengths.first else { throw UnreadableValue() }
    let isInnermost = lengths.count == 1
    try write("{")
    for index in 0..<length {
      if index > 0 { try write(byte: delimiter) }
      if isInnermost {
        try printElement(try reader.value(), oid: element, delimiter: delimiter)
      } else {
        try printDimension(
          lengths.dropFirst(), &reader, element: element, delimiter: delimiter)
      }
    }
    try write("}")
  }

  private func dimensions(
    _ reader: inout ValueReader, element: UInt32
  ) throws(UnreadableValue) -> (lengths: [Int], bounds: [Int]) {
    let mostDimensions = 6
    let count = Int(try reader.integer(Int32.self))
    _ = try reader.integer(Int32.self)
    guard (0...mostDimensions).contains(count), try reader.integer(UInt32.self) == element else {
      throw UnreadableValue()
    }
    var lengths: [Int] = []
    var bounds: [Int] = []
    var total = 1
    for _ in 0..<count {
      let length = Int(try reader.integer(Int32.self))
      guard length >= 0 else { throw UnreadableValue() }
      let (product, overflow) = total.multipliedReportingOverflow(by: length)
      guard !overflow else { throw UnreadableValue() }
      total = product
      lengths.append(length)
      bounds.append(Int(try reader.integer(Int32.self)))
    }
    let leastBytesOfAValue = 4
    guard lengths.isEmpty || total <= reader.remaining / leastBytesOfAValue else {
      throw UnreadableValue()
    }
    return (lengths, bounds)
  }

  private mutating func printElement(
    _ bytes: ByteBuffer?, oid: UInt32, delimiter: UInt8
  ) throws(UnreadableValue) {
    guard let bytes else { return try write("NULL") }
    let element = try inner(bytes, oid: oid)
    let isNull = element.count == 4 && element.elementsEqual("NULL".utf8) { $0 & 0xDF == $1 }
    let isPlain =
      !element.isEmpty && !isNull
      && !element.contains { $0 == delimiter || Self.isQuotedInArrays($0) || Self.isSpace($0) }
    if isPlain { return try write(ByteBuffer(bytes: element)) }
    try write("\"")
    for byte in element {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { try write("\\") }
      try write(byte: byte)
    }
    try write("\"")
  }

  private static func isQuotedInArrays(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "{"), UInt8(ascii: "}"): true
    default: false
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }

  /// An array of one dimension without nulls, printed with spaces.
  mutating func printVector(
    _ reader: inout ValueReader, element: UInt32
  ) throws(UnreadableValue) {
    let (lengths, _) = try dimensions(&reader, element: element)
    guard lengths.count <= 1 else { throw UnreadableValue() }
    for index in 0..<(lengths.first ?? 0) {
      if index > 0 { try write(" ") }
      guard let bytes = try reader.value() else { throw UnreadableValue() }
      try write(ByteBuffer(bytes: try inner(bytes, oid: element)))
    }
  }

  /// Layout: `UInt8` flags, then the bounds that the flags announce as values.
  mutating func printRange(
    _ reader: inout ValueReader, element: UInt32
  ) throws(UnreadableValue) {
    let flags = try reader.integer(UInt8.self)
    let isEmpty: UInt8 = 0x01
    let lowerIncluded: UInt8 = 0x02
    let upperIncluded: UInt8 = 0x04
    let lowerInfinite: UInt8 = 0x08
    let upperInfinite: UInt8 = 0x10
    if flags & isEmpty != 0 { return try write("empty") }
    try write(flags & lowerIncluded != 0 ? "[" : "(")
    if flags & lowerInfinite == 0 { try printBound(&reader, oid: element) }
    try write(",")
    if flags & upperInfinite == 0 { try printBound(&reader, oid: element) }
    try write(flags & upperIncluded != 0 ? "]" : ")")
  }

  private mutating func printBound(
    _ reader: inout ValueReader, oid: UInt32
  ) throws(UnreadableValue) {
    guard let bytes = try reader.value() else { throw UnreadableValue() }
    let bound = try inner(bytes, oid: oid)
    let special = Array("\"\\()[],".utf8)
    if !bound.isEmpty, !bound.contains(where: { special.contains($0) || Self.isSpace($0) }) {
      return try write(ByteBuffer(bytes: bound))
    }
    try write("\"")
    for byte in bound {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { try write(byte: byte) }
      try write(byte: byte)
    }
    try write("\"")
  }

  /// Layout: `Int32` count, ranges as values.
  mutating func printMultirange(
    _ reader: inout ValueReader, range: UInt32
  ) throws(UnreadableValue) {
    let count = try reader.count(ofSize: 5)
    try write("{")
    for index in 0..<count {
      if index > 0 { try write(",") }
      guard let bytes = try reader.value() else { throw UnreadableValue() }
      try write(ByteBuffer(bytes: try inner(bytes, oid: range)))
    }
    try write("}")
  }
}
