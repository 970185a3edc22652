/// A 128-bit identifier, shown as a hyphenated lower-case UUID.
///
/// Who makes one takes its bits from a random source outside the pure modules.
package struct Identifier128: Hashable, Sendable, Comparable {
  package let high: UInt64
  package let low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Reads 16 big-endian bytes; `nil` for any other count.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    var words: (UInt64, UInt64) = (0, 0)
    for (offset, byte) in bytes.enumerated() {
      if offset < 8 {
        words.0 = words.0 << 8 | UInt64(byte)
      } else {
        words.1 = words.1 << 8 | UInt64(byte)
      }
    }
    self.init(high: words.0, low: words.1)
  }

  /// Reads the text form, with or without hyphens; `nil` when it is not 32 hexadecimal digits.
  package init?(text: String) {
    var words: (UInt64, UInt64) = (0, 0)
    var digits = 0
    for character in text.utf8 where character != UInt8(ascii: "-") {
      guard let digit = Self.hexValue(character), digits < 32 else { return nil }
      if digits < 16 {
        words.0 = words.0 << 4 | UInt64(digit)
      } else {
        words.1 = words.1 << 4 | UInt64(digit)
      }
      digits += 1
    }
    guard digits == 32 else { return nil }
    self.init(high: words.0, low: words.1)
  }

  /// A version 7 UUID (RFC 9562 section 5.7): 48 bits of Unix milliseconds, then `random` bits.
  package static func timeOrdered(
    unixMilliseconds: UInt64, random: (UInt64, UInt64)
  ) -> Identifier128 {
    let high = unixMilliseconds << 16 | 0x7000 | random.0 & 0x0FFF
    let low = 0x8000_0000_0000_0000 | random.1 & 0x3FFF_FFFF_FFFF_FFFF
    return Identifier128(high: high, low: low)
  }

  /// The 16 bytes, big-endian.
  package var bytes: [UInt8] {
    var bytes = [UInt8]()
    bytes.reserveCapacity(16)
    for word in [high, low] {
      for shift in stride(from: UInt64(56), through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> shift))
      }
    }
    return bytes
  }

  package static func < (left: Identifier128, right: Identifier128) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }

  private static func hexValue(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

extension Identifier128: CustomStringConvertible {
  package var description: String {
    let digits = Array("0123456789abcdef".utf8)
    var text = [UInt8]()
    text.reserveCapacity(36)
    for (index, byte) in bytes.enumerated() {
      if index == 4 || index == 6 || index == 8 || index == 10 {
        text.append(UInt8(ascii: "-"))
      }
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 0x0F)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

extension Identifier128: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = Identifier128(text: text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\"\(text)\" is not an identifier: 32 hexadecimal digits")
    }
    self = value
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
