import GatewayModel

/// The frame of one record in a segment.
///
/// Byte layout, numbers little-endian:
/// ```
/// 0   u32   length of the payload
/// 4   u32   CRC-32C of bytes 8 ..< 9 + length (kind and payload)
/// 8   u8    kind: 1, a record
/// 9   …     payload: the bytes of the record
/// ```
/// A run of zero bytes is no frame: there is no kind 0.
enum RecordFrame {
  static let headerBytes = 9
  static let recordKind: UInt8 = 1
  /// More than any record the agent makes; a longer length is damage, not a reason to allocate.
  static let maximumPayloadBytes = SizeLimits.recordBytes

  struct Header: Equatable {
    var length: Int
    var checksum: UInt32
  }

  /// Reads a frame's header; `nil` when there is not one.
  static func header(_ bytes: UnsafeRawBufferPointer) -> Header? {
    guard bytes.count >= headerBytes else { return nil }
    let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
    let checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    let kind = bytes[8]
    guard length <= maximumPayloadBytes, kind == recordKind else { return nil }
    return Header(length: Int(length), checksum: checksum)
  }
}
