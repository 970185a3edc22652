import NIOCore
import PostgresWire
import TestSupport
import Testing

@Suite("Startup packets") struct StartupTests {
  @Test("The vectors read and write back the same", arguments: Vectors.messages(of: "startup"))
  func roundTrip(_ vector: Vectors.Message) throws {
    var buffer = vector.bytes
    let packet = try #require(try StartupPacket.next(in: &buffer))
    #expect(buffer.readableBytes == 0)
    let written = EveryDecoder.written { buffer in
      switch packet {
      case .sslRequest: StartupPacket.writeSSLRequest(into: &buffer)
      case .gssEncryptionRequest: StartupPacket.writeGSSEncryptionRequest(into: &buffer)
      case .cancelRequest(let key): StartupPacket.writeCancelRequest(key, into: &buffer)
      case .startup(let message): message.encode(into: &buffer)
      }
    }
    #expect(written == vector.bytes)
  }

  @Test("In pieces nothing is taken until it is whole", arguments: Vectors.messages(of: "startup"))
  func pieces(_ vector: Vectors.Message) throws {
    for length in 0..<vector.bytes.readableBytes {
      var part = try #require(vector.bytes.getSlice(at: 0, length: length))
      #expect(try StartupPacket.next(in: &part) == nil)
      #expect(part.readableBytes == length)
    }
  }

  @Test(
    "A body cut short, with its length saying so, is an error",
    arguments: Vectors.messages(of: "startup"))
  func cutBodies(_ vector: Vectors.Message) throws {
    let isCancel = vector.name.hasPrefix("cancel")
    for length in 4..<vector.bytes.readableBytes where !isCancel || length < 16 {
      var part = try #require(vector.bytes.getSlice(at: 0, length: length))
      part.setInteger(UInt32(length), at: 0)
      #expect(throws: WireError.self) { try StartupPacket.next(in: &part) }
    }
  }

  @Test("What follows a packet stays for the caller to refuse")
  func stuffing() throws {
    var buffer = EveryDecoder.written(StartupPacket.writeSSLRequest)
    buffer.writeString("stuffed")
    #expect(try StartupPacket.next(in: &buffer) == .sslRequest)
    #expect(String(buffer: buffer) == "stuffed")
  }

  @Test(
    "Lengths out of bounds are refused from the length field",
    arguments: [
      0, 4, 7, 10_005, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x1603_0100, 0x4745_5420,
    ] as [UInt32])
  func lengths(length: UInt32) throws {
    var buffer = ByteBuffer(integer: length)
    #expect(throws: WireError.self) { try StartupPacket.next(in: &buffer) }
  }

  @Test("The longest packet is read")
  func longest() throws {
    let value = String(repeating: "x", count: StartupPacket.maximumLength - 4 - 2 - 2)
    let message = StartupMessage(parameters: [.init(name: "u", value: value)])
    var buffer = EveryDecoder.written(message.encode)
    #expect(buffer.readableBytes == StartupPacket.maximumLength + 4)
    #expect(try StartupPacket.next(in: &buffer) == .startup(message))
  }

  @Test(
    "Other major versions are refused as such",
    arguments: [0x0002_0000, 0x0004_0000, 0] as [UInt32])
  func versions(code: UInt32) throws {
    var buffer = ByteBuffer(bytes: [0, 0, 0, 9])
    buffer.writeInteger(code)
    buffer.writeInteger(UInt8(0))
    let error = #expect(throws: WireError.self) { try StartupPacket.next(in: &buffer) }
    #expect(error?.code == .unsupportedVersion)
  }

  @Test("Any minor version of 3 is read")
  func minors() throws {
    var buffer = EveryDecoder.written(
      StartupMessage(version: ProtocolVersion(major: 3, minor: 9999), parameters: []).encode)
    guard case .startup(let message) = try StartupPacket.next(in: &buffer) else {
      Issue.record("no startup message")
      return
    }
    #expect(message.version.minor == 9999)
  }

  @Test("Cancel keys of 3 and 257 bytes are refused", arguments: [0, 3, 257])
  func cancelKeys(count: Int) throws {
    var buffer = EveryDecoder.written {
      StartupPacket.writeCancelRequest(
        CancelKey(processID: 1, secret: [UInt8](repeating: 7, count: count)), into: &$0)
    }
    #expect(throws: WireError.self) { try StartupPacket.next(in: &buffer) }
  }

  @Test("A name sent twice has its last value, as at the server")
  func lastWins() {
    let message = StartupMessage(parameters: [
      .init(name: "user", value: "a"), .init(name: "user", value: "b"),
    ])
    #expect(message["user"] == "b")
    #expect(message["database"] == nil)
  }

  @Test("Text that is not UTF-8 is refused")
  func notUTF8() throws {
    var buffer = ByteBuffer(bytes: [0, 0, 0, 15, 0, 3, 0, 0, 0x75, 0, 0xFF, 0xFE, 0x41, 0, 0])
    #expect(throws: WireError.self) { try StartupPacket.next(in: &buffer) }
  }

  @Test("TLS from the first byte is told apart")
  func directTLS() {
    #expect(StartupPacket.beginsTLS(ByteBuffer()) == nil)
    #expect(StartupPacket.beginsTLS(ByteBuffer(bytes: [0x16, 3, 1])) == true)
    #expect(StartupPacket.beginsTLS(ByteBuffer(bytes: [0])) == false)
  }

  @Test("Mutated packets never trap")
  func mutations() throws {
    var random = SplitMix64(seed: 0x57A7)
    let vectors = Vectors.messages(of: "startup")
    var refused = 0
    for _ in 0..<20_000 {
      let vector = try #require(vectors.randomElement(using: &random))
      var buffer = vector.bytes
      buffer.mutate(using: &random)
      do { _ = try StartupPacket.next(in: &buffer) } catch { refused += 1 }
      var body = ByteBuffer(bytes: vector.bytes.readableBytesView.dropFirst(4))
      body.mutate(using: &random)
      _ = try? StartupPacket(decoding: body)
    }
    #expect(refused > 1_000)
  }
}
