import NIOCore
import TestSupport
import Testing

@testable import PostgresWire

/// What decoding a value costs: one Bind must not hold up the other sessions of its event loop.
@Suite("Cost of values") struct ValueCostTests {
  /// An array of `count` elements of one dimension.
  private func array(of element: UInt32, _ count: Int, _ value: [UInt8]) -> ByteBuffer {
    var bytes = ByteBuffer()
    for word in [1, 0, element, UInt32(count), 1] { bytes.writeInteger(word) }
    for _ in 0..<count {
      bytes.writeInteger(UInt32(value.count))
      bytes.writeBytes(value)
    }
    return bytes
  }

  /// `0 × 10000^32767`: without groups, or with one that is zero.
  @Test(
    "A zero of a huge weight costs what it prints",
    arguments: [
      [0, 0, 0x7F, 0xFF, 0, 0, 0, 0], [0, 1, 0x7F, 0xFF, 0, 0, 0, 0, 0, 0],
    ] as [[UInt8]])
  func zeros(_ zero: [UInt8]) throws {
    var effort = 100_000
    let bytes = array(of: 1700, 1000, zero)
    let start = ContinuousClock.now
    let text = ParameterText.decode(oid: 1231, format: .binary, bytes: bytes, effort: &effort)
    #expect(start.duration(to: .now) < .seconds(5))
    #expect(text == "{" + Array(repeating: "0", count: 1000).joined(separator: ",") + "}")
    #expect(effort > 100_000 - 25_000)
  }

  @Test(
    "Zero groups around a number change nothing of it",
    arguments: [
      // weight, scale, groups, text
      (2, 0, [0, 0, 7], "7"), (1, 2, [0, 12, 3400, 0], "12.34"), (-1, 6, [0, 1200], "0.000012"),
      (-1, 4, [0, 1200], "0.0000"), (3, 1, [1, 0, 0], "1000000000000.0"), (-3, 3, [9], "0.000"),
      (-32_768, 2, [0, 9999], "0.00"), (0, 3, [0, 5000], "0.500"), (-2, 7, [9], "0.0000000"),
      (-2, 8, [9], "0.00000009"),
    ] as [(Int16, UInt16, [UInt16], String)])
  func groups(_ weight: Int16, _ scale: UInt16, _ groups: [UInt16], _ text: String) {
    for sign in [0, 0x4000] as [UInt16] {
      var bytes = ByteBuffer()
      bytes.writeMultipleIntegers(UInt16(groups.count), weight, sign, scale)
      for group in groups { bytes.writeInteger(group) }
      let isZero = !text.contains { ("1"..."9").contains($0) }
      let printed = ParameterText.decode(oid: 1700, format: .binary, bytes: bytes)
      #expect(printed == (sign == 0 || isZero ? text : "-" + text))
    }
  }

  @Test("Work is counted when there is no text in the end, and none is done beyond the bound")
  func failures() {
    // A number of 131,069 digits, ten times; the array is too long for the limit.
    let bytes = array(of: 1700, 10, [0, 1, 0x7F, 0xFF, 0, 0, 0, 0, 0, 1])
    var effort = 1_000_000
    #expect(
      ParameterText.decode(
        oid: 1231, format: .binary, bytes: bytes, limit: 300_000, effort: &effort) == nil)
    #expect((300_000...700_000).contains(1_000_000 - effort))
    // Not enough for two of them.
    effort = 300_000
    #expect(
      ParameterText.decode(oid: 1231, format: .binary, bytes: bytes, effort: &effort) == nil)
    #expect((0..<50_000).contains(effort))
    // What is left suffices for a short value.
    let one = ByteBuffer(bytes: [0, 0, 0, 1])
    #expect(ParameterText.decode(oid: 23, format: .binary, bytes: one, effort: &effort) == "1")
    effort = 0
    #expect(ParameterText.decode(oid: 23, format: .binary, bytes: one, effort: &effort) == nil)
    #expect(effort == 0)
  }

  @Test("A text takes at least its own length of the work")
  func texts() {
    for value in Vectors.values {
      var effort = 1 << 20
      let text = ParameterText.decode(
        oid: value.oid, format: .binary, bytes: value.binary, effort: &effort)
      #expect((text?.utf8.count ?? 0) < 1 << 20 - effort, "\(value.type) \(value.text)")
    }
  }

  @Test("Whatever the bytes, the cost of a value is that of its bytes and of the text's limit")
  func everyType() throws {
    let oids = (1...7_000).map(UInt32.init).filter { BuiltInType(oid: $0) != nil }
    #expect(oids.count > 140)
    let limit = 4_096
    var printed = Set<UInt32>()
    try FuzzRun.each("cost of values") { random in
      let oid = oids[Int.random(in: oids.indices, using: &random)]
      let bytes = random.value(of: oid, depth: 0)
      var effort = 1 << 30
      let start = ContinuousClock.now
      let text = ParameterText.decode(
        oid: oid, format: .binary, bytes: bytes, limit: limit, effort: &effort)
      let elapsed = start.duration(to: .now)
      if text != nil { printed.insert(oid) }
      let steps = 1 << 30 - effort
      let most = 200 * (bytes.readableBytes + 1) + 4 * limit
      try FuzzFailure.unless(
        steps <= most, "type \(oid): \(steps) steps for \(bytes.readableBytes) bytes")
      // Thousands of times what it takes on an idle machine.
      try FuzzFailure.unless(elapsed < .seconds(10), "type \(oid): \(elapsed)")
      try FuzzFailure.unless(
        text.map { $0.utf8.count <= limit } ?? true, "type \(oid): a text over the limit")
    }
    #expect(printed.count > oids.count / 2)
  }
}

extension SplitMix64 {
  /// Bytes that may be a value of the type, with numbers at the ends of their ranges.
  fileprivate mutating func value(of oid: UInt32, depth: Int) -> ByteBuffer {
    if chance(10) { return bytes() }
    switch BuiltInType(oid: oid) {
    case .array(let element): return array(of: element, mostDimensions: 6, depth: depth)
    case .vector(let element): return array(of: element, mostDimensions: 1, depth: depth)
    case .range(let element):
      let flags = [0, 2, 6, 1, 8, 16, 24][Int.random(in: 0..<7, using: &self)] as UInt8
      var bytes = ByteBuffer(integer: flags)
      for _ in 0..<Int.random(in: 0...2, using: &self) { write(element, to: &bytes, depth: depth) }
      return bytes
    case .multirange(let range):
      let count = Int.random(in: 0...20, using: &self)
      var bytes = ByteBuffer(integer: UInt32(count))
      for _ in 0..<count { write(range, to: &bytes, depth: depth) }
      return bytes
    case .numeric:
      let groups = chance(3) ? 0 : size()
      var bytes = ByteBuffer()
      bytes.writeMultipleIntegers(
        UInt16(groups), extreme(), [0, 0x4000, 0xC000][Int.random(in: 0..<3, using: &self)],
        UInt16(chance(2) ? 0 : 0x3FFF))
      for _ in 0..<groups { bytes.writeInteger(UInt16(chance(2) ? 0 : 9_999)) }
      return bytes
    default:
      var known = Vectors.values.filter { $0.oid == oid }.randomElement(using: &self)?.binary
      if chance(2) { known?.mutate(using: &self) }
      return known ?? words()
    }
  }

  private mutating func array(
    of element: UInt32, mostDimensions: Int, depth: Int
  ) -> ByteBuffer {
    let dimensions = chance(2) ? 1 : Int.random(in: 0...mostDimensions, using: &self)
    var bytes = ByteBuffer()
    bytes.writeMultipleIntegers(UInt32(dimensions), UInt32(0), element)
    var count = dimensions == 0 ? 0 : 1
    for index in 0..<dimensions {
      // The elements stand in the first dimension, or in the last, with all the depth between.
      let length = count > 1 || chance(3) && index < dimensions - 1 ? 1 : size()
      count *= length
      bytes.writeMultipleIntegers(UInt32(length), chance(3) ? UInt32(bitPattern: Int32.min) : 1)
    }
    for _ in 0..<count { write(element, to: &bytes, depth: depth) }
    return bytes
  }

  private mutating func write(_ oid: UInt32, to bytes: inout ByteBuffer, depth: Int) {
    if chance(8) || depth > 3 {
      bytes.writeInteger(UInt32.max)
      return
    }
    let value = value(of: oid, depth: depth + 1)
    bytes.writeInteger(UInt32(value.readableBytes))
    bytes.writeImmutableBuffer(value)
  }

  private mutating func extreme() -> UInt16 {
    [0, 1, 0x7FFF, 0x8000, 0xFFFF][Int.random(in: 0..<5, using: &self)]
  }

  private mutating func words() -> ByteBuffer {
    var bytes = ByteBuffer()
    for _ in 0..<Int.random(in: 1...8, using: &self) { bytes.writeInteger(extreme()) }
    return bytes
  }
}
