import NIOCore
import PostgresWire
import TestSupport
import Testing

/// Whatever a client sends is read or refused; what was read is what was written.
@Suite("Fuzz: a client's messages") struct FrontendFuzzTests {
  /// Writes a message, reads it back, and compares; then does the same with changed bytes.
  private func check<Message: Hashable>(
    _ message: Message, _ random: inout SplitMix64, encode: (Message) -> ByteBuffer,
    decode: (ByteBuffer) throws -> Message
  ) throws {
    let written = encode(message)
    guard let header = try FrontendHeader.peek(written),
      header.messageLength == written.readableBytes
    else { throw FuzzFailure(description: "the header of \(message) does not fit it") }
    let body = ByteBuffer(bytes: written.readableBytesView.dropFirst(5))
    try FuzzFailure.unless(try decode(body) == message, "\(message) is read as another")
    var changed = body
    changed.mutate(using: &random)
    // An error is an answer; a message that is read must be one that can be written.
    guard let read = try? decode(changed) else { return }
    let again = ByteBuffer(bytes: encode(read).readableBytesView.dropFirst(5))
    try FuzzFailure.unless(try decode(again) == read, "\(read) is not read again: \(changed)")
  }

  @Test("Query and Parse")
  func texts() throws {
    try FuzzRun.each("Query and Parse") { random in
      try check(
        FrontendMessage.Query(sql: random.text()), &random,
        encode: { EveryDecoder.written($0.encode) }, decode: FrontendMessage.Query.init(decoding:))
      try check(
        FrontendMessage.Parse(
          name: random.name(), sql: random.unterminated(),
          parameterOIDs: random.integers(UInt32.self)),
        &random, encode: { EveryDecoder.written($0.encode) },
        decode: FrontendMessage.Parse.init(decoding:))
    }
  }

  @Test("Bind, and its values as text")
  func bind() throws {
    try FuzzRun.each("Bind") { random in
      let bind = FrontendMessage.Bind(
        portal: random.name(), statement: random.name(),
        parameterFormats: random.integers(Int16.self).map(FormatCode.init(rawValue:)),
        parameters: random.values(),
        resultFormats: random.integers(Int16.self).map(FormatCode.init(rawValue:)))
      try check(
        bind, &random, encode: { EveryDecoder.written($0.encode) },
        decode: FrontendMessage.Bind.init(decoding:))
      // Types from every family of BuiltInType, and some that are none.
      let oids: [UInt32] = [
        16, 17, 20, 23, 25, 114, 600, 869, 1007, 1082, 1184, 1186, 1700, 2950, 9,
      ]
      for (index, value) in bind.parameters.enumerated() {
        guard let value, let format = bind.format(ofParameter: index) else { continue }
        _ = ParameterText.decode(
          oid: oids.randomElement(using: &random) ?? 25, format: format, bytes: value)
      }
    }
  }

  @Test("Describe, Close and Execute")
  func targets() throws {
    try FuzzRun.each("Describe, Close and Execute") { random in
      let target: FrontendMessage.Target =
        random.chance(2) ? .portal(random.name()) : .statement(random.name())
      try check(
        FrontendMessage.Describe(target), &random, encode: { EveryDecoder.written($0.encode) },
        decode: FrontendMessage.Describe.init(decoding:))
      try check(
        FrontendMessage.Close(target), &random, encode: { EveryDecoder.written($0.encode) },
        decode: FrontendMessage.Close.init(decoding:))
      try check(
        FrontendMessage.Execute(portal: random.name(), maximumRows: random.integer()), &random,
        encode: { EveryDecoder.written($0.encode) }, decode: FrontendMessage.Execute.init(decoding:)
      )
    }
  }

  @Test("Passwords and SASL")
  func passwords() throws {
    try FuzzRun.each("passwords and SASL") { random in
      try check(
        FrontendMessage.PasswordMessage(password: random.unterminated().readableBytesView), &random,
        encode: { EveryDecoder.written($0.encode) },
        decode: FrontendMessage.PasswordMessage.init(decoding:))
      try check(
        FrontendMessage.SASLInitialResponse(
          mechanism: random.text(),
          data: random.chance(4) ? nil : Array(random.bytes().readableBytesView)), &random,
        encode: { EveryDecoder.written($0.encode) },
        decode: FrontendMessage.SASLInitialResponse.init(decoding:))
      try check(
        FrontendMessage.SASLResponse(data: random.bytes().readableBytesView), &random,
        encode: { EveryDecoder.written($0.encode) },
        decode: { FrontendMessage.SASLResponse(decoding: $0) })
    }
  }

  @Test("Startup packets")
  func startup() throws {
    try FuzzRun.each("startup packets") { random in
      let packet: StartupPacket =
        switch Int.random(in: 0..<8, using: &random) {
        case 0: .sslRequest
        case 1: .gssEncryptionRequest
        case 2: .cancelRequest(CancelKey(processID: random.integer(), secret: random.secret()))
        default:
          .startup(
            StartupMessage(
              version: ProtocolVersion(major: 3, minor: random.integer()),
              parameters: (0..<random.size() % 20).map { _ in
                // An empty name would end the list.
                .init(name: "n" + random.text(), value: random.text())
              } + (random.chance(20) ? [Self.long] : [])))
        }
      let written = Self.written(packet)
      guard written.readableBytes <= StartupPacket.maximumLength + 4 else {
        var long = written
        let read = try? StartupPacket.next(in: &long)
        return try FuzzFailure.unless(read == nil, "a packet that is too long is taken")
      }
      var rest = written
      try FuzzFailure.unless(
        try StartupPacket.next(in: &rest) == packet && rest.readableBytes == 0,
        "\(packet) is read as another")
      var changed = written
      changed.mutate(using: &random)
      guard let read = try? StartupPacket.next(in: &changed) else { return }
      var again = Self.written(read)
      try FuzzFailure.unless(
        try StartupPacket.next(in: &again) == read, "\(read) is not read again")
    }
  }

  /// Too long for any packet.
  private static let long = StartupMessage.Parameter(
    name: "long", value: String(repeating: "x", count: StartupPacket.maximumLength))

  static func written(_ packet: StartupPacket) -> ByteBuffer {
    EveryDecoder.written { buffer in
      switch packet {
      case .sslRequest: StartupPacket.writeSSLRequest(into: &buffer)
      case .gssEncryptionRequest: StartupPacket.writeGSSEncryptionRequest(into: &buffer)
      case .cancelRequest(let key): StartupPacket.writeCancelRequest(key, into: &buffer)
      case .startup(let message): message.encode(into: &buffer)
      }
    }
  }

  @Test("Any bytes as any message")
  func anything() throws {
    var read = 0
    try FuzzRun.each("any bytes as any message of a client") { random in
      let type = FrontendMessageType.allCases.randomElement(using: &random) ?? .query
      if (try? EveryDecoder.frontend(type, random.bytes())) != nil { read += 1 }
    }
    // Both outcomes come, or the target tries nothing.
    #expect(read > 0 && read < FuzzRun.cases)
  }
}
