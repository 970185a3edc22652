import NIOCore

extension ValuePrinter {
  /// Layout: `Int16` groups, `Int16` weight of the first, `UInt16` sign, `UInt16` digits behind the
  /// point, groups of four decimal digits.
  mutating func printNumeric(_ reader: inout ValueReader) throws(UnreadableValue) {
    let count = Int(try reader.integer(UInt16.self))
    let weight = Int(try reader.integer(Int16.self))
    let sign = try reader.integer(UInt16.self)
    let scale = Int(try reader.integer(UInt16.self))
    let largestScale = 0x3FFF
    guard count <= reader.remaining / 2, scale <= largestScale else { throw UnreadableValue() }
    try spend(count)
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
    try printDecimal(
      DecimalDigits(groups: groups, weight: weight), scale: scale, isNegative: sign == 0x4000)
  }

  private mutating func printDecimal(
    _ digits: DecimalDigits, scale: Int, isNegative: Bool
  ) throws(UnreadableValue) {
    let highest = digits.highestPower
    if isNegative, let highest, highest >= -scale { try write("-") }
    if let highest, highest >= 0 {
      try write(digits, powers: 0...highest)
    } else {
      try write("0")
    }
    guard scale > 0 else { return }
    try write(".")
    try write(digits, powers: -scale...(-1))
  }

  private mutating func write(
    _ digits: DecimalDigits, powers: ClosedRange<Int>
  ) throws(UnreadableValue) {
    // Before the first of what can be a hundred thousand digits.
    guard powers.count <= limit - text.count, powers.count <= effort else {
      throw UnreadableValue()
    }
    for power in powers.reversed() { try write(byte: digits.digit(power: power)) }
  }
}

/// A decimal number as groups of four digits, without the zeros around it: a number of few bytes
/// can name many.
private struct DecimalDigits {
  private let groups: ArraySlice<Int>
  /// The power of 10,000 of the first group.
  private let weight: Int

  init(groups: [Int], weight: Int) {
    let leading = groups.prefix { $0 == 0 }.count
    let trailing = groups.dropFirst(leading).reversed().prefix { $0 == 0 }.count
    self.groups = groups.dropFirst(leading).dropLast(trailing)
    self.weight = weight - leading
  }

  /// The power of ten of the first digit that is not zero; `nil` for zero.
  var highestPower: Int? {
    guard let first = groups.first else { return nil }
    return weight * 4 + (first >= 1000 ? 3 : first >= 100 ? 2 : first >= 10 ? 1 : 0)
  }

  /// The digit of this power of ten; zero where no group is given.
  func digit(power: Int) -> UInt8 {
    let index = groups.startIndex + weight - (power >> 2)
    guard groups.indices.contains(index) else { return UInt8(ascii: "0") }
    let divisor =
      switch power & 3 {
      case 0: 1
      case 1: 10
      case 2: 100
      default: 1000
      }
    return UInt8(ascii: "0") + UInt8(truncatingIfNeeded: groups[index] / divisor % 10)
  }
}
