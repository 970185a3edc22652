import Crypto

/// 32 bytes of SHA-256.
///
/// Four words rather than an array: hashes are made and looked up at every record, and an array
/// would be an allocation each time.
package struct Hash256: Hashable, Sendable {
  package static let byteCount = 32

  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// Reads 32 bytes; `nil` for any other count.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    var words: [UInt64] = [0, 0, 0, 0]
    for (index, byte) in bytes.enumerated() {
      words[index / 8] = words[index / 8] << 8 | UInt64(byte)
    }
    self.words = (
      words[0].bigEndian, words[1].bigEndian, words[2].bigEndian, words[3].bigEndian
    )
  }

  package init(_ digest: SHA256.Digest) {
    words = digest.withUnsafeBytes { raw in
      (
        raw.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
        raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
        raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
        raw.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
      )
    }
  }

  /// Gives the 32 bytes for the time of the call.
  package func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    Swift.withUnsafeBytes(of: words) { body($0) }
  }

  package var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

  package static func == (left: Self, right: Self) -> Bool { left.words == right.words }

  package func hash(into hasher: inout Hasher) {
    // As good as random: one word of it is enough.
    hasher.combine(words.0)
  }
}

extension Hash256: CustomStringConvertible {
  /// 64 lower-case hexadecimal digits.
  package var description: String {
    let digits = Array("0123456789abcdef".utf8)
    var text = [UInt8]()
    text.reserveCapacity(2 * Self.byteCount)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 0x0F)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
