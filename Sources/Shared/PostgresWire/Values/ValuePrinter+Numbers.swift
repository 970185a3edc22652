import NIOCore

extension ValuePrinter {
  mutating func printDouble(_ reader: inout ValueReader) throws(UnreadableValue) {
    try printDouble(try reader.double())
  }

  mutating func printDouble(_ value: Double) throws(UnreadableValue) {
    let digitsAlwaysExact = 15
    try printFloat(
      value.description, isNaN: value.isNaN, isInfinite: value.isInfinite,
      fixedBelow: digitsAlwaysExact)
  }

  mutating func printFloat(_ value: Float) throws(UnreadableValue) {
    let digitsAlwaysExact = 6
    try printFloat(
      value.description, isNaN: value.isNaN, isInfinite: value.isInfinite,
      fixedBelow: digitsAlwaysExact)
  }

  /// The shortest digits that read back as the same number, which is what Swift's `description`
  /// has, laid out like the server: fixed for exponents of -4 up to `fixedBelow`.
  private mutating func printFloat(
    _ description: String, isNaN: Bool, isInfinite: Bool, fixedBelow: Int
  ) throws(UnreadableValue) {
    if isNaN { return try write("NaN") }
    let isNegative = description.utf8.first == UInt8(ascii: "-")
    if isNegative { try write("-") }
    if isInfinite { return try write("Infinity") }
    let parts = description.split(separator: "e")
    guard let mantissa = parts.first else { throw UnreadableValue() }
    let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    let unsigned = mantissa.utf8.drop { $0 == UInt8(ascii: "-") }
    let integerDigits = unsigned.prefix { $0 != UInt8(ascii: ".") }.count
    let all = unsigned.filter { $0 != UInt8(ascii: ".") }
    let leadingZeros = all.prefix { $0 == UInt8(ascii: "0") }.count
    var digits = all.dropFirst(leadingZeros)
    while digits.last == UInt8(ascii: "0") { digits.removeLast() }
    guard !digits.isEmpty else { return try write("0") }
    // The power of ten of the first digit.
    let power = exponent + integerDigits - leadingZeros - 1
    let text = Array(digits)
    if power >= -4, power < fixedBelow {
      try writeFixed(text, power: power)
    } else {
      try writeScientific(text, power: power)
    }
  }

  private mutating func writeFixed(_ digits: [UInt8], power: Int) throws(UnreadableValue) {
    guard power >= 0 else {
      try write("0." + String(repeating: "0", count: -power - 1))
      return try write(ByteBuffer(bytes: digits))
    }
    for index in 0...power {
      try write(byte: index < digits.count ? digits[index] : UInt8(ascii: "0"))
    }
    guard digits.count > power + 1 else { return }
    try write(".")
    try write(ByteBuffer(bytes: digits[(power + 1)...]))
  }

  private mutating func writeScientific(_ digits: [UInt8], power: Int) throws(UnreadableValue) {
    try write(ByteBuffer(bytes: digits.prefix(1)))
    if digits.count > 1 {
      try write(".")
      try write(ByteBuffer(bytes: digits.dropFirst()))
    }
    try write(power < 0 ? "e-" : "e+")
    try write(power, width: 2)
  }

  /// Layout: `Int16` groups, `Int16` weight of the first, `UInt16` sign, `UInt16` digits behind the
  /// point, groups of four decimal digits.
  mutating func printNumeric(_ reader: inout ValueReader) throws(UnreadableValue) {
    let count = Int(try reader.integer(UInt16.self))
    let weight = Int(try reader.integer(Int16.self))
    let sign = try reader.integer(UInt16.self)
    let scale = Int(try reader.integer(UInt16.self))
    let largestScale = 0x3FFF
    guard count <= reader.remaining / 2, scale <= largestScale else { throw UnreadableValue() }
    var groups: [Int] = []
    groups.reserveCapacity(count)
    for _ in 0..<count {
      let group = Int(try reader.integer(Int16.self))
      guard (0..<10_000).contains(group) else { throw UnreadableValue() }
      groups.append(group)
    }
    switch sign {
    case 0xC000: return try write("NaN")
    case 0xD000: return try write("Infinity")
    case 0xF000: return try write("-Infinity")
    case 0, 0x4000: break
    default: throw UnreadableValue()
    }
    try printNumeric(groups, weight: weight, scale: scale, isNegative: sign == 0x4000)
  }

  private mutating func printNumeric(
    _ groups: [Int], weight: Int, scale: Int, isNegative: Bool
  ) throws(UnreadableValue) {
    var digits: [UInt8] = []
    /// The four digits of one weight; zeros where no group is given.
    func append(weight position: Int) {
      let index = weight - position
      var divisor = 1000
      let group = groups.indices.contains(index) ? groups[index] : 0
      while divisor > 0 {
        digits.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: group / divisor % 10))
        divisor /= 10
      }
    }
    let integerGroups = max(weight, -1) + 1
    guard integerGroups * 4 + scale <= limit - text.count + 4 else { throw UnreadableValue() }
    for position in stride(from: integerGroups - 1, through: 0, by: -1) { append(weight: position) }
    let leadingZeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
    digits.removeFirst(leadingZeros)
    if digits.isEmpty { digits.append(UInt8(ascii: "0")) }
    let point = digits.count
    for position in 0..<(scale + 3) / 4 { append(weight: -1 - position) }
    digits.removeLast(digits.count - point - scale)
    if isNegative, digits.contains(where: { $0 != UInt8(ascii: "0") }) { try write("-") }
    try write(ByteBuffer(bytes: digits[..<point]))
    if scale > 0 {
      try write(".")
      try write(ByteBuffer(bytes: digits[point...]))
    }
  }

  /// Hundredths, as the server prints them in the C locale: the unit is the server's setting.
  mutating func printMoney(_ reader: inout ValueReader) throws(UnreadableValue) {
    let value = try reader.integer(Int64.self)
    if value < 0 { try write("-") }
    try write("$")
    let whole = Array(String(value.magnitude / 100).utf8)
    for (index, digit) in whole.enumerated() {
      if index > 0, (whole.count - index) % 3 == 0 { try write(",") }
      try write(byte: digit)
    }
    try write(".")
    try write(Int(value.magnitude % 100), width: 2)
  }
}
