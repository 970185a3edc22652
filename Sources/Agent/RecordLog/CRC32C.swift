/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78; RFC 3720 appendix B.4), eight bytes a
/// step ("slicing by 8").
enum CRC32C {
  private static let tables: [UInt32] = makeTables()

  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    tables.withUnsafeBufferPointer { tables in
      var crc: UInt32 = 0xFFFF_FFFF
      var offset = 0
      // SAFETY: every index into `tables` is below 2048, the count of the tables: a byte plus at
      // most 7 × 256. Loads of `bytes` are bounded by `count`.
      while bytes.count - offset >= 8 {
        let low =
          UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) ^ crc
        let high = UInt32(
          littleEndian: bytes.loadUnaligned(fromByteOffset: offset &+ 4, as: UInt32.self))
        crc =
          tables[Int(low & 0xFF) &+ 1792] ^ tables[Int(low >> 8 & 0xFF) &+ 1536]
          ^ tables[Int(low >> 16 & 0xFF) &+ 1280] ^ tables[Int(low >> 24) &+ 1024]
          ^ tables[Int(high & 0xFF) &+ 768] ^ tables[Int(high >> 8 & 0xFF) &+ 512]
          ^ tables[Int(high >> 16 & 0xFF) &+ 256] ^ tables[Int(high >> 24)]
        offset &+= 8
      }
      while offset < bytes.count {
        crc = tables[Int((crc ^ UInt32(bytes[offset])) & 0xFF)] ^ crc >> 8
        offset &+= 1
      }
      return ~crc
    }
  }

  private static func makeTables() -> [UInt32] {
    var tables = [UInt32](repeating: 0, count: 2048)
    for index in 0..<256 {
      var value = UInt32(index)
      for _ in 0..<8 { value = value >> 1 ^ (value & 1 == 1 ? 0x82F6_3B78 : 0) }
      tables[index] = value
    }
    for index in 256..<2048 {
      let previous = tables[index - 256]
      tables[index] = previous >> 8 ^ tables[Int(previous & 0xFF)]
    }
    return tables
  }
}
