internal import NIOCore

/// A run of DataRow and CopyData messages at the front of a chunk, counted by their headers.
///
/// This is the path of a large result: it reads five bytes a row and allocates nothing.
struct RowRun: Equatable {
  var rows = 0
  /// Bytes of the messages, with headers, also of the last one's part that has yet to come.
  var messageBytes = 0
  /// Bytes of the run that stand in the chunk.
  var chunkBytes = 0
  /// Bytes of the last message that have yet to come.
  var missing = 0

  init(at chunk: ByteBuffer) {
    chunk.withUnsafeReadableBytes { bytes in
      var offset = 0
      while missing == 0, bytes.count - offset >= FrameReader.Header.byteCount {
        let type = bytes[offset]
        guard type == UInt8(ascii: "D") || type == UInt8(ascii: "d") else { break }
        let length = Int(
          UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 1, as: UInt32.self)))
        // The general path says what is wrong with such a length.
        guard length >= 4, length <= RowRun.maximumLength else { break }
        let end = offset + 1 + length
        messageBytes += 1 + length
        rows += 1
        missing = max(0, end - bytes.count)
        offset = min(end, bytes.count)
      }
      chunkBytes = offset
    }
  }

  /// The first messages of the run, fewer than ``rows``: so all of them are whole in the chunk that
  /// the run was read from.
  func prefix(_ count: Int, of chunk: ByteBuffer) -> RowRun {
    guard count < rows else { return self }
    var part = RowRun()
    while part.rows < count,
      let length = chunk.getInteger(at: chunk.readerIndex + part.chunkBytes + 1, as: UInt32.self)
    {
      part.chunkBytes += 1 + Int(length)
      part.rows += 1
    }
    part.messageBytes = part.chunkBytes
    return part
  }

  private init() {}

  /// The longest message of a server: its largest allocation is 1 GB.
  static let maximumLength = 0x3FFF_FFFF
}
