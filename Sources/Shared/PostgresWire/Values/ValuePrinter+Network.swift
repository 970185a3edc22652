import NIOCore

extension ValuePrinter {
  /// Layout: `UInt8` family (2 or 3), `UInt8` prefix bits, `UInt8` whether cidr, `UInt8` count,
  /// address bytes.
  mutating func printAddress(
    _ reader: inout ValueReader, alwaysWithLength: Bool
  ) throws(UnreadableValue) {
    try spend(Cost.ofAddress)
    let family = try reader.integer(UInt8.self)
    let bits = Int(try reader.integer(UInt8.self))
    _ = try reader.integer(UInt8.self)
    let count = Int(try reader.integer(UInt8.self))
    let address = Array(try reader.slice(count).readableBytesView)
    guard bits <= count * 8 else { throw UnreadableValue() }
    switch (family, count) {
    case (2, 4): try printIPv4(address[...])
    case (3, 16): try printIPv6(address)
    default: throw UnreadableValue()
    }
    if alwaysWithLength || bits < count * 8 { try write("/\(bits)") }
  }

  private mutating func printIPv4(_ bytes: ArraySlice<UInt8>) throws(UnreadableValue) {
    try write(bytes.map { String($0) }.joined(separator: "."))
  }

  /// The longest run of zero groups becomes `::`; addresses that carry an IPv4 one show it.
  private mutating func printIPv6(_ bytes: [UInt8]) throws(UnreadableValue) {
    let groups = stride(from: 0, to: bytes.count - 1, by: 2).map {
      UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])
    }
    let zeros = Self.longestZeroRun(groups)
    let carriesIPv4 =
      zeros.lowerBound == 0
      && (zeros.count == 6 || zeros.count == 7 && groups.last != 1
        || zeros.count == 5 && groups[5] == 0xFFFF)
    var index = 0
    while index < groups.count {
      if index == zeros.lowerBound, !zeros.isEmpty {
        try write(":")
        index = zeros.upperBound
        if index == groups.count { try write(":") }
        continue
      }
      if index > 0 { try write(":") }
      if index == 6, carriesIPv4 { return try printIPv4(bytes.suffix(4)) }
      try write(String(groups[index], radix: 16))
      index += 1
    }
  }

  /// The first of the longest runs of at least two zeros; empty where there is none.
  private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int> {
    var best = 0..<0
    var index = 0
    while index < groups.count {
      let length = groups[index...].prefix { $0 == 0 }.count
      if length >= 2, length > best.count { best = index..<index + length }
      index += max(length, 1)
    }
    return best
  }

  mutating func printHardwareAddress(
    _ reader: inout ValueReader, count: Int
  ) throws(UnreadableValue) {
    for index in 0..<count {
      if index > 0 { try write(":") }
      try writeHex(try reader.slice(1))
    }
  }
}
