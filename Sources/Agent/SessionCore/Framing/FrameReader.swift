internal import NIOCore

/// Cuts the byte stream of one leg into messages, holding no more than it must.
///
/// Messages that lie whole in a chunk come out as slices of it. What is held is an incomplete
/// header or an incomplete message that has to be inspected; bodies that only pass are never held.
struct FrameReader: Sendable {
  /// Type byte and length of a message, as sent.
  struct Header: Equatable, Sendable {
    let type: UInt8
    /// Counts itself but not the type: below 4 it is a violation.
    let length: Int

    static let byteCount = 5
    var messageLength: Int { length + 1 }
  }

  /// A message, or as much of it as was asked for.
  struct Taken {
    var bytes: ByteBuffer
    /// Whether the bytes stand in storage of their own and not in the chunk.
    var isOwned: Bool

    /// Behind type and length.
    var body: ByteBuffer {
      bytes.getSlice(
        at: bytes.readerIndex + Header.byteCount,
        length: max(0, bytes.readableBytes - Header.byteCount)) ?? ByteBuffer()
    }
  }

  private var held = ByteBuffer()
  /// Bytes of the current message's body that pass without being looked at.
  private var passing = 0
  private(set) var forwardsPassing = true

  var heldBytes: Int { held.readableBytes }
  /// Whether the leg stands between two messages, as far as they were forwarded.
  var isAtBoundary: Bool { passing == 0 || !forwardsPassing }
  /// Whether the next byte of a chunk is the first of a message.
  var isIdle: Bool { passing == 0 && held.readableBytes == 0 }

  /// Takes the passing bytes at the front of the chunk; 0 where there are none.
  mutating func takePassing(from chunk: inout ByteBuffer) -> Int {
    let count = min(passing, chunk.readableBytes)
    passing -= count
    chunk.moveReaderIndex(forwardBy: count)
    return count
  }

  /// The type of the next message, from its first byte on.
  func peekType(_ chunk: ByteBuffer) -> UInt8? {
    held.getInteger(at: held.readerIndex) ?? chunk.getInteger(at: chunk.readerIndex)
  }

  /// The header of the next message; `nil`, holding what there is, while it is incomplete.
  mutating func peekHeader(_ chunk: inout ByteBuffer) -> Header? {
    if held.readableBytes == 0 {
      if let header = Self.header(chunk) { return header }
      hold(chunk.readableBytes, from: &chunk)
      return nil
    }
    if held.readableBytes < Header.byteCount {
      hold(Header.byteCount - held.readableBytes, from: &chunk)
    }
    return Self.header(held)
  }

  /// Takes the first `count` bytes of the next message; `nil`, holding what there is, while they
  /// are not there.
  mutating func take(_ count: Int, from chunk: inout ByteBuffer) -> Taken? {
    if held.readableBytes == 0 {
      if let bytes = chunk.readSlice(length: count) { return Taken(bytes: bytes, isOwned: false) }
      hold(chunk.readableBytes, from: &chunk)
      return nil
    }
    hold(count - held.readableBytes, from: &chunk)
    guard held.readableBytes >= count else { return nil }
    let bytes = held
    held = ByteBuffer()
    return Taken(bytes: bytes, isOwned: true)
  }

  /// Lets the next `count` bytes pass, or drops them.
  mutating func pass(_ count: Int, forwarded: Bool) {
    passing = count
    forwardsPassing = forwarded
  }

  private mutating func hold(_ count: Int, from chunk: inout ByteBuffer) {
    guard let slice = chunk.readSlice(length: min(max(0, count), chunk.readableBytes)) else {
      return
    }
    held.writeImmutableBuffer(slice)
  }

  private static func header(_ bytes: ByteBuffer) -> Header? {
    guard
      let (type, length) = bytes.getMultipleIntegers(
        at: bytes.readerIndex, as: (UInt8, UInt32).self)
    else { return nil }
    return Header(type: type, length: Int(length))
  }
}
