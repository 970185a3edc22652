/// Reads the frames of a segment one after the other, through a buffer of bounded size.
struct FrameCursor: ~Copyable {
  enum Step: Equatable {
    case frame
    /// The limit was reached at the end of a frame.
    case end
    /// What stands at ``offset`` is no whole, sound frame.
    case bad
  }

  private let file: SegmentFile
  private let limit: Int64
  private var buffer: [UInt8]
  /// Where in the file the buffer begins, and how much of it is filled.
  private var bufferOffset: Int64
  private var filled = 0
  /// Where the next frame begins.
  private(set) var offset: Int64

  /// - Parameter limit: bytes of the file from here on are not looked at.
  init(file: SegmentFile, from offset: Int64, limit: Int64, bufferBytes: Int = 256 * 1024) {
    self.file = file
    self.limit = limit
    self.offset = offset
    bufferOffset = offset
    buffer = [UInt8](repeating: 0, count: max(RecordFrame.headerBytes, bufferBytes))
  }

  /// Reads the next frame and gives its payload to `body`.
  ///
  /// - Parameter checking: whether the checksum is compared; seeking through what was checked when
  ///   it was read goes without.
  mutating func next(
    checking: Bool = true, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(FileFailure) -> Step {
    let left = limit - offset
    if left <= 0 { return left == 0 ? .end : .bad }
    guard left >= Int64(RecordFrame.headerBytes), try fill(RecordFrame.headerBytes) else {
      return .bad
    }
    guard let header = view(RecordFrame.headerBytes, { RecordFrame.header($0) }) else {
      return .bad
    }
    let count = RecordFrame.headerBytes + header.length
    guard left >= Int64(count), try fill(count) else { return .bad }
    let sound = view(count) { frame in
      let checked = UnsafeRawBufferPointer(rebasing: frame[8...])
      guard !checking || CRC32C.checksum(checked) == header.checksum else { return false }
      body(UnsafeRawBufferPointer(rebasing: frame[RecordFrame.headerBytes...]))
      return true
    }
    guard sound else { return .bad }
    offset += Int64(count)
    return .frame
  }

  private func view<R>(_ count: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    let start = Int(offset - bufferOffset)
    return buffer.withUnsafeBytes {
      body(UnsafeRawBufferPointer(rebasing: $0[start..<(start + count)]))
    }
  }

  /// Makes `count` bytes from ``offset`` on stand in the buffer; `false` when the file ends before.
  private mutating func fill(_ count: Int) throws(FileFailure) -> Bool {
    let start = Int(offset - bufferOffset)
    if start >= 0, start + count <= filled { return true }
    if buffer.count < count {
      // Only a frame larger than the buffer comes here; its length has been bounded.
      buffer = [UInt8](repeating: 0, count: count)
    }
    bufferOffset = offset
    filled = 0
    let wanted = Int(min(Int64(buffer.count), limit - offset))
    filled = try file.read(into: &buffer, count: wanted, at: offset)
    return filled >= count
  }
}
