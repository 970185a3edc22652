import NIOCore
import PostgresWire
import TestSupport
import Testing

@Suite("Messages") struct MessageTests {
  @Test("The vectors are there and cover every type", arguments: ["frontend", "backend"])
  func vectorsCoverEveryType(side: String) throws {
    let seen = Set(
      try Vectors.messages(of: side).map { try #require($0.bytes.readableBytesView.first) })
    let all =
      side == "frontend"
      ? FrontendMessageType.allCases.map(\.rawValue) : BackendMessageType.allCases.map(\.rawValue)
    #expect(seen == Set(all))
  }

  @Test(
    "A client's message reads and writes back the same", arguments: Vectors.messages(of: "frontend")
  )
  func frontendRoundTrip(_ vector: Vectors.Message) throws {
    let (header, body) = try split(vector.bytes, FrontendMessageType.self)
    let written = try EveryDecoder.frontend(header.type, body)
    let hasNoEncoder: Set<FrontendMessageType> = [.functionCall, .copyData, .copyDone, .copyFail]
    #expect(written.contains(vector.bytes) || hasNoEncoder.contains(header.type))
  }

  @Test(
    "A server's message reads and writes back the same", arguments: Vectors.messages(of: "backend"))
  func backendRoundTrip(_ vector: Vectors.Message) throws {
    let (header, body) = try split(vector.bytes, BackendMessageType.self)
    for written in try EveryDecoder.backend(header.type, body) { #expect(written == vector.bytes) }
  }

  @Test("A real server's messages read and write back the same")
  func serverSession() throws {
    var rest = Vectors.serverSession
    var types: Set<BackendMessageType> = []
    var count = 0
    while let header = try BackendHeader.peek(rest) {
      let slice = rest.readSlice(length: header.messageLength)
      let message = try #require(slice)
      let (_, body) = try split(message, BackendMessageType.self)
      for written in try EveryDecoder.backend(header.type, body) { #expect(written == message) }
      types.insert(header.type)
      count += 1
    }
    #expect(rest.readableBytes == 0)
    #expect(count == 81)
    #expect(types.count >= 18)
  }

  @Test("A message cut short anywhere is an error or another whole message")
  func truncations() throws {
    let mayEndAnywhere: Set<String> = [
      "copy-data", "function-call", "sasl-response", "password", "sasl-initial",
      "sasl-initial-none", "authentication-sasl-continue", "authentication-sasl-final",
      "authentication-gss-continue", "copy-fail", "notification", "function-result", "key-256",
    ]
    for vector in Vectors.messages
    where vector.side != "startup" && !mayEndAnywhere.contains(vector.name) {
      let body =
        vector.bytes.getSlice(at: 5, length: vector.bytes.readableBytes - 5) ?? ByteBuffer()
      for length in 0..<body.readableBytes {
        let cut = try #require(body.getSlice(at: 0, length: length))
        #expect(throws: WireError.self, "\(vector.name) cut to \(length)") {
          try decode(vector, cut)
        }
      }
    }
  }

  @Test("Bytes behind the last field are an error")
  func trailingBytes() throws {
    let hasOpenEnd: Set<String> = [
      "copy-data", "function-call", "sasl-response", "password", "sasl-initial",
      "sasl-initial-none", "authentication-sasl-continue", "authentication-sasl-final",
      "authentication-gss-continue", "copy-fail", "notification", "function-result", "key-4",
      "sync", "flush", "terminate", "copy-done", "bind-complete", "close-complete",
      "parse-complete", "no-data", "empty-query", "portal-suspended",
    ]
    for vector in Vectors.messages
    where vector.side != "startup" && !hasOpenEnd.contains(vector.name) {
      var body =
        vector.bytes.getSlice(at: 5, length: vector.bytes.readableBytes - 5) ?? ByteBuffer()
      body.writeInteger(UInt8(0))
      #expect(throws: WireError.self, "\(vector.name)") { try decode(vector, body) }
    }
  }

  @Test("Mutated messages never trap")
  func mutations() throws {
    var random = SplitMix64(seed: 0x5A11)
    var refused = 0
    let vectors = Vectors.messages.filter { $0.side != "startup" }
    for _ in 0..<20_000 {
      let vector = try #require(vectors.randomElement(using: &random))
      var body = ByteBuffer(bytes: vector.bytes.readableBytesView.dropFirst(5))
      body.mutate(using: &random)
      do { try decode(vector, body) } catch is WireError { refused += 1 }
    }
    #expect(refused > 1_000)
  }

  private func decode(_ vector: Vectors.Message, _ body: ByteBuffer) throws {
    let byte = try #require(vector.bytes.readableBytesView.first)
    if vector.side == "frontend" {
      _ = try EveryDecoder.frontend(try #require(FrontendMessageType(rawValue: byte)), body)
    } else {
      _ = try EveryDecoder.backend(try #require(BackendMessageType(rawValue: byte)), body)
    }
  }

  private func split<Kind: MessageType>(
    _ message: ByteBuffer, _ kind: Kind.Type
  ) throws -> (MessageHeader<Kind>, ByteBuffer) {
    var rest = message
    let header = try #require(try MessageHeader<Kind>.peek(rest))
    #expect(header.messageLength == message.readableBytes)
    rest.moveReaderIndex(forwardBy: MessageHeaderLayout.byteCount)
    return (header, rest)
  }

  @Test(
    "The tag's row count",
    arguments: [
      ("INSERT 0 5", 5), ("SELECT 3", 3), ("UPDATE 0", 0), ("MERGE 12", 12), ("COPY 7", 7),
      ("FETCH 1", 1), ("CREATE TABLE", nil), ("BEGIN", nil), ("", nil), ("SELECT ", nil),
      ("SELECT -1", nil), ("SELECT 18446744073709551615", UInt64.max),
      ("SELECT 18446744073709551616", nil),
    ] as [(String, UInt64?)])
  func rows(tag: String, rows: UInt64?) {
    #expect(BackendMessage.CommandComplete(tag: tag).rows == rows)
  }

  @Test("Bind with 65,535 parameters is read; a count without its values is refused")
  func manyParameters() throws {
    var body = ByteBuffer(bytes: [0, 0, 0, 0, 0xFF, 0xFF])
    #expect(throws: WireError.self) { try FrontendMessage.Bind(decoding: body) }
    for _ in 0..<65_535 { body.writeInteger(Int32(-1)) }
    body.writeInteger(Int16(0))
    #expect(try FrontendMessage.Bind(decoding: body).parameters.count == 65_535)
  }

  @Test("A value length below -1 is refused")
  func negativeLength() {
    let body = ByteBuffer(bytes: [0, 0, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFE, 0, 0])
    #expect(throws: WireError.self) { try FrontendMessage.Bind(decoding: body) }
  }

  @Test("Names that Swift holds for equal text are different names")
  func namesCompareByByte() {
    let composed: WireName = "\u{E9}"
    let decomposed: WireName = "e\u{301}"
    #expect(composed != decomposed)
    #expect(Set([composed, decomposed]).count == 2)
    let invalid = WireName(ByteBuffer(bytes: [0xFF]))
    #expect(invalid != WireName(ByteBuffer(bytes: [0xFE])))
    #expect(invalid.text == "\u{FFFD}")
    #expect(WireName(ByteBuffer()).isUnnamed)
  }

  @Test("A zero byte cannot end a string early")
  func zeroBytesAreDropped() throws {
    let written = EveryDecoder.written(
      BackendMessage.Diagnostic(
        severity: .error, sqlState: "42501", message: "no\u{0}C00000\u{0}"
      ).encodeError)
    let body = try #require(written.getSlice(at: 5, length: written.readableBytes - 5))
    let read = try BackendMessage.Diagnostic(decoding: body)
    #expect(read.message == "noC00000")
    #expect(read.fields.count == 4)
  }

  @Test("An answer of our own has S, V, C and M, and D and H where given")
  func diagnosticFields() {
    let full = BackendMessage.Diagnostic(
      severity: .fatal, sqlState: "57P01", message: "m", detail: "d", hint: "h")
    #expect(full.fields.map(\.code.rawValue) == Array("SVCMDH".utf8))
    #expect(full.endsSession)
    #expect(full.sqlState == "57P01")
  }

  @Test("Secrets do not print")
  func redaction() throws {
    let password = FrontendMessage.PasswordMessage(password: "hunter2".utf8)
    let key = CancelKey(processID: 1, secret: Array("hunter2".utf8))
    let initial = FrontendMessage.SASLInitialResponse(
      mechanism: "X", data: Array("hunter2".utf8))
    for text in ["\(password)", "\(key)", "\(initial)", String(reflecting: password)] {
      #expect(text.contains("redacted"))
      #expect(!text.contains("hunter2") && !text.contains("104, 117"))
    }
    var dumped = ""
    dump(password, to: &dumped)
    #expect(!dumped.contains("104"))
  }
}

extension ByteBuffer {
  /// Changes one to four places: bits, whole bytes, lengths, cuts, insertions.
  mutating func mutate(using random: inout SplitMix64) {
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      var bytes = Array(readableBytesView)
      let place = bytes.isEmpty ? 0 : Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1 where !bytes.isEmpty: bytes[place] = UInt8.random(in: 0 ... .max, using: &random)
      case 2 where !bytes.isEmpty:
        bytes[place] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
      case 3: bytes.removeLast(bytes.count - place)
      case 4: bytes.insert(UInt8.random(in: 0 ... .max, using: &random), at: place)
      default:
        let wide: [UInt8] =
          [[0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF, 0xFF, 0xFF], [0x80, 0, 0, 0]]
          .randomElement(using: &random) ?? []
        for (offset, byte) in wide.enumerated() where place + offset < bytes.count {
          bytes[place + offset] = byte
        }
      }
      self = ByteBuffer(bytes: bytes)
    }
  }
}
