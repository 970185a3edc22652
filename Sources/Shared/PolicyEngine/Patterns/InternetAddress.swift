/// An IPv4 or IPv6 address (RFC 4291 section 2.2); an IPv4 address mapped into IPv6 is the IPv4
/// address.
struct InternetAddress: Hashable, Sendable, CustomStringConvertible {
  let isV4: Bool
  /// In the low 32 bits for IPv4.
  let bits: UInt128

  init(isV4: Bool, bits: UInt128) {
    self.isV4 = isV4
    self.bits = bits
  }

  init?(text: Substring) {
    if text.contains(":") {
      guard let bits = Self.v6(text) else { return nil }
      // ::ffff:0:0/96
      if bits >> 32 == 0xFFFF {
        self.init(isV4: true, bits: bits & 0xFFFF_FFFF)
      } else {
        self.init(isV4: false, bits: bits)
      }
    } else {
      guard let bits = Self.v4(text) else { return nil }
      self.init(isV4: true, bits: UInt128(bits))
    }
  }

  /// The number of bits of an address.
  var width: Int { isV4 ? 32 : 128 }

  /// The address with zeros behind the first `prefix` bits.
  func masked(to prefix: Int) -> InternetAddress {
    let dropped = UInt128(max(0, width - prefix))
    // A smart shift by the whole width gives zero.
    return InternetAddress(isV4: isV4, bits: (bits >> dropped) << dropped)
  }

  var description: String {
    if isV4 {
      return stride(from: 24, through: 0, by: -8).map { "\((bits >> UInt128($0)) & 0xFF)" }
        .joined(separator: ".")
    }
    let groups = stride(from: 112, through: 0, by: -16).map { (bits >> UInt128($0)) & 0xFFFF }
    return Self.shortened(groups.map { String($0, radix: 16) })
  }

  /// RFC 5952 section 4.2: the first longest run of zero groups as `::`.
  private static func shortened(_ groups: [String]) -> String {
    var best = 0..<0
    var start = 0
    for index in 0...groups.count where index == groups.count || groups[index] != "0" {
      if index - start > max(best.count, 1) { best = start..<index }
      start = index + 1
    }
    guard !best.isEmpty else { return groups.joined(separator: ":") }
    return groups[..<best.lowerBound].joined(separator: ":") + "::"
      + groups[best.upperBound...].joined(separator: ":")
  }

  private static func v4(_ text: Substring) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bits: UInt32 = 0
    for part in parts {
      guard (1...3).contains(part.utf8.count),
        part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        part.utf8.count == 1 || part.first != "0", let byte = UInt8(part)
      else { return nil }
      bits = bits << 8 | UInt32(byte)
    }
    return bits
  }

  private static func v6(_ text: Substring) -> UInt128? {
    guard text.utf8.count <= 45 else { return nil }
    guard let gap = text.firstRange(of: "::") else {
      guard let groups = groups(text), groups.count == 8 else { return nil }
      return joined(groups)
    }
    let (left, right) = (text[..<gap.lowerBound], text[gap.upperBound...])
    guard !right.contains("::"), let first = groups(left, mayEndInV4: false),
      let last = groups(right), first.count + last.count < 8
    else { return nil }
    return joined(
      first + Array(repeating: 0, count: 8 - first.count - last.count) + last)
  }

  private static func groups(_ text: Substring, mayEndInV4: Bool = true) -> [UInt16]? {
    guard !text.isEmpty else { return [] }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    var groups: [UInt16] = []
    for (index, part) in parts.enumerated() {
      if mayEndInV4, index == parts.count - 1, part.contains("."), let address = v4(part) {
        groups.append(UInt16(address >> 16))
        groups.append(UInt16(truncatingIfNeeded: address))
        continue
      }
      guard (1...4).contains(part.utf8.count), part.first != "+", part.first != "-",
        let group = UInt16(part, radix: 16)
      else { return nil }
      groups.append(group)
    }
    return groups
  }

  private static func joined(_ groups: [UInt16]) -> UInt128 {
    groups.reduce(0) { $0 << 16 | UInt128($1) }
  }
}
