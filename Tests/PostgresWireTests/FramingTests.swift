import NIOCore
import PostgresWire
import TestSupport
import Testing

@Suite("Framing") struct FramingTests {
  @Test("A header is read without its body, and nothing is consumed")
  func peek() throws {
    let buffer = ByteBuffer(bytes: [0x51, 0, 0, 0, 9])
    let header = try #require(try FrontendHeader.peek(buffer))
    #expect(header == FrontendHeader(type: .query, bodyLength: 5))
    #expect(header.messageLength == 10)
    #expect(buffer.readableBytes == 5)
  }

  @Test("A header in pieces waits", arguments: 0..<5)
  func incomplete(length: Int) throws {
    let whole = ByteBuffer(bytes: [0x51, 0, 0, 0, 9])
    let part = try #require(whole.getSlice(at: 0, length: length))
    #expect(try FrontendHeader.peek(part) == nil)
  }

  @Test("A length below 4 is refused", arguments: UInt8(0)..<4)
  func shortLength(length: UInt8) throws {
    let error = #expect(throws: WireError.self) {
      try BackendHeader.peek(ByteBuffer(bytes: [0x44, 0, 0, 0, length]))
    }
    #expect(error?.code == .lengthTooSmall)
  }

  @Test("A length above the limit is refused at the header")
  func longLength() throws {
    for bytes in [[0x51, 0xFF, 0xFF, 0xFF, 0xFF], [0x51, 0x80, 0, 0, 0], [0x51, 0, 0, 0, 15]]
      as [[UInt8]]
    {
      let error = #expect(throws: WireError.self) {
        try FrontendHeader.peek(ByteBuffer(bytes: bytes), limit: 10)
      }
      #expect(error?.code == .lengthTooLarge)
    }
    #expect(try FrontendHeader.peek(ByteBuffer(bytes: [0x51, 0, 0, 0, 14]), limit: 10) != nil)
  }

  @Test("An unknown type is refused from its first byte")
  func unknownType() throws {
    for byte in UInt8.min...UInt8.max {
      let buffer = ByteBuffer(bytes: [byte])
      if FrontendMessageType(rawValue: byte) == nil {
        let error = #expect(throws: WireError.self) { try FrontendHeader.peek(buffer) }
        #expect(error?.code == .unknownType)
      } else {
        #expect(try FrontendHeader.peek(buffer) == nil)
      }
    }
  }

  @Test("An offset reads the message behind another")
  func offset() throws {
    var buffer = ByteBuffer(bytes: [0xEE])
    buffer.moveReaderIndex(forwardBy: 1)
    FrontendMessage.writeSync(into: &buffer)
    FrontendMessage.writeTerminate(into: &buffer)
    #expect(try FrontendHeader.peek(buffer, offset: 5)?.type == .terminate)
    #expect(try FrontendHeader.peek(buffer, offset: 10) == nil)
  }

  @Test("However a stream is cut, the same messages come out", arguments: [UInt64](1...40))
  func rechunking(seed: UInt64) throws {
    var stream = ByteBuffer()
    for vector in Vectors.messages(of: "frontend") { stream.writeImmutableBuffer(vector.bytes) }
    var whole = stream
    let expected = try frames(&whole)
    #expect(expected.count == Vectors.messages(of: "frontend").count)

    var random = SplitMix64(seed: seed)
    var held = ByteBuffer()
    var seen: [ByteBuffer] = []
    while stream.readableBytes > 0 {
      let length = min(
        Int.random(in: 1...(seed % 2 == 0 ? 3 : 60), using: &random), stream.readableBytes)
      let piece = stream.readSlice(length: length)
      held.writeImmutableBuffer(try #require(piece))
      seen += try frames(&held)
      held.discardReadBytes()
    }
    #expect(seen == expected)
    #expect(held.readableBytes == 0)
  }

  private func frames(_ buffer: inout ByteBuffer) throws -> [ByteBuffer] {
    var frames: [ByteBuffer] = []
    while let header = try FrontendHeader.peek(buffer),
      let frame = buffer.readSlice(length: header.messageLength)
    {
      frames.append(frame)
    }
    return frames
  }
}
