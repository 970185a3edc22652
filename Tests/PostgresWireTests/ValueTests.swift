import NIOCore
import PostgresWire
import TestSupport
import Testing

@Suite("Values") struct ValueTests {
  @Test("Every value prints as PostgreSQL prints it")
  func vectors() {
    #expect(Vectors.values.count > 1_000)
    for value in Vectors.values {
      #expect(
        ParameterText.decode(oid: value.oid, format: .binary, bytes: value.binary) == value.text,
        "\(value.type) \(value.oid) \(value.binary.readableBytesView.map { String($0, radix: 16) })"
      )
    }
  }

  @Test("Text comes back as it is, whatever the type")
  func text() {
    let bytes = ByteBuffer(string: "anything")
    #expect(ParameterText.decode(oid: 23, format: .text, bytes: bytes) == "anything")
    #expect(ParameterText.decode(oid: 999_999, format: .text, bytes: bytes) == "anything")
    #expect(ParameterText.decode(oid: 25, format: .text, bytes: ByteBuffer(bytes: [0xFF])) == nil)
  }

  @Test("Unknown types and formats give nil")
  func unknown() {
    let bytes = ByteBuffer(bytes: [0, 0, 0, 1])
    #expect(ParameterText.decode(oid: 0, format: .binary, bytes: bytes) == nil)
    #expect(ParameterText.decode(oid: 99_999, format: .binary, bytes: bytes) == nil)
    #expect(ParameterText.decode(oid: 23, format: FormatCode(rawValue: 2), bytes: bytes) == nil)
    #expect(ParameterText.decode(oid: 23, format: .binary, bytes: bytes) == "1")
  }

  @Test("Values cut short or too long never print as something else of a fixed size")
  func wrongSizes() throws {
    let fixed: Set<UInt32> = [
      16, 20, 21, 23, 26, 700, 701, 790, 1082, 1083, 1114, 1184, 1186, 1266, 2950, 829, 600,
    ]
    for value in Vectors.values where fixed.contains(value.oid) {
      for length in 0..<value.binary.readableBytes {
        let cut = try #require(value.binary.getSlice(at: 0, length: length))
        #expect(ParameterText.decode(oid: value.oid, format: .binary, bytes: cut) == nil)
      }
      var long = value.binary
      long.writeInteger(UInt8(0))
      #expect(ParameterText.decode(oid: value.oid, format: .binary, bytes: long) == nil)
    }
  }

  @Test("A short binary form with a long text stops at the limit")
  func amplification() {
    // 1 × 10000^32767, and an array of a thousand of them.
    let huge: [UInt8] = [0, 1, 0x7F, 0xFF, 0, 0, 0, 0, 0, 1]
    #expect(
      ParameterText.decode(oid: 1700, format: .binary, bytes: ByteBuffer(bytes: huge), limit: 1000)
        == nil)
    #expect(
      ParameterText.decode(oid: 1700, format: .binary, bytes: ByteBuffer(bytes: huge))?.utf8.count
        == 131_069)
    var array = ByteBuffer()
    for word in [1, 0, 1700, 1000, 1] as [UInt32] { array.writeInteger(word) }
    for _ in 0..<1000 {
      array.writeInteger(UInt32(huge.count))
      array.writeBytes(huge)
    }
    #expect(ParameterText.decode(oid: 1231, format: .binary, bytes: array) == nil)
  }

  @Test("Array dimensions beyond the bytes are refused")
  func dimensions() {
    for lengths in [[Int32.max], [Int32.max, Int32.max, Int32.max, Int32.max], [-1], [100]] {
      var bytes = ByteBuffer()
      bytes.writeInteger(Int32(lengths.count))
      bytes.writeInteger(Int32(0))
      bytes.writeInteger(Int32(23))
      for length in lengths {
        bytes.writeInteger(length)
        bytes.writeInteger(Int32.min)
      }
      #expect(ParameterText.decode(oid: 1007, format: .binary, bytes: bytes) == nil)
    }
  }

  @Test("Values at the ends of their range never trap")
  func extremes() {
    for oid in [20, 21, 23, 26, 700, 701, 790, 1082, 1083, 1114, 1184, 1186, 1266] as [UInt32] {
      for fill in [0x00, 0x7F, 0x80, 0xFF] as [UInt8] {
        for rest in [0x00, 0xFF] as [UInt8] {
          for size in [2, 4, 8, 12, 16] {
            let bytes = ByteBuffer(bytes: [fill] + [UInt8](repeating: rest, count: size - 1))
            _ = ParameterText.decode(oid: oid, format: .binary, bytes: bytes)
          }
        }
      }
    }
    let longest = ByteBuffer(bytes: [0x80, 0, 0, 0, 0, 0, 0, 1])
    #expect(
      ParameterText.decode(oid: 1114, format: .binary, bytes: longest)?.hasSuffix(" BC") == true)
  }

  @Test("Mutated values never trap, under their own type and under any other")
  func mutations() throws {
    var random = SplitMix64(seed: 0xA1)
    let values = Vectors.values
    let oids = Array(Set(values.map(\.oid)))
    var printed = 0
    for _ in 0..<20_000 {
      let value = try #require(values.randomElement(using: &random))
      var bytes = value.binary
      if Bool.random(using: &random) { bytes.mutate(using: &random) }
      let oid = Bool.random(using: &random) ? value.oid : oids.randomElement(using: &random) ?? 0
      if ParameterText.decode(oid: oid, format: .binary, bytes: bytes, limit: 100_000) != nil {
        printed += 1
      }
    }
    #expect(printed > 5_000)
  }
}
