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
    try spend(Cost.ofLayout)
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
