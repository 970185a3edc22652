import NIOCore
import PostgresWire
import TestSupport
import Testing

/// Whatever a server sends is read or refused; what was read is what was written.
@Suite("Fuzz: a server's messages") struct BackendFuzzTests {
  /// Writes a message, reads it back, and compares; then does the same with changed bytes.
  private func check<Message: Hashable>(
    _ message: Message, _ random: inout SplitMix64, encode: (Message) -> ByteBuffer,
    decode: (ByteBuffer) throws -> Message
  ) throws {
    let written = encode(message)
    guard let header = try BackendHeader.peek(written),
      header.messageLength == written.readableBytes
    else { throw FuzzFailure(description: "the header of \(message) does not fit it") }
    let body = ByteBuffer(bytes: written.readableBytesView.dropFirst(5))
    try FuzzFailure.unless(try decode(body) == message, "\(message) is read as another")
    var changed = body
    changed.mutate(using: &random)
    guard let read = try? decode(changed) else { return }
    let again = ByteBuffer(bytes: encode(read).readableBytesView.dropFirst(5))
    try FuzzFailure.unless(try decode(again) == read, "\(read) is not read again: \(changed)")
  }

  @Test("DataRow")
  func rows() throws {
    try FuzzRun.each("DataRow") { random in
      try check(
        BackendMessage.DataRow(values: random.values()), &random,
        encode: { EveryDecoder.written($0.encode) }, decode: BackendMessage.DataRow.init(decoding:))
    }
  }

  @Test("RowDescription and ParameterDescription")
  func descriptions() throws {
    try FuzzRun.each("RowDescription and ParameterDescription") { random in
      let columns = (0..<random.size()).map { _ in
        BackendMessage.RowDescription.Column(
          name: random.text(), tableOID: random.integer(), tableColumn: random.integer(),
          typeOID: random.integer(), typeSize: random.integer(), typeModifier: random.integer(),
          format: FormatCode(rawValue: random.integer()))
      }
      try check(
        BackendMessage.RowDescription(columns: columns), &random,
        encode: { EveryDecoder.written($0.encode) },
        decode: BackendMessage.RowDescription.init(decoding:))
      try check(
        BackendMessage.ParameterDescription(parameterOIDs: random.integers(UInt32.self)), &random,
        encode: { EveryDecoder.written($0.encode) },
        decode: BackendMessage.ParameterDescription.init(decoding:))
    }
  }

  @Test("Errors and notices")
  func diagnostics() throws {
    try FuzzRun.each("errors and notices") { random in
      let fields = (0..<random.size() % 12).map { _ in
        BackendMessage.Diagnostic.Field(
          .init(rawValue: UInt8.random(in: 1 ... .max, using: &random)), random.unterminated())
      }
      let message = BackendMessage.Diagnostic(fields: fields)
      try check(
        message, &random, encode: { EveryDecoder.written($0.encodeError) },
        decode: BackendMessage.Diagnostic.init(decoding:))
      _ = (message.sqlState, message.message, message.severity, message.endsSession)
    }
  }

  @Test("Authentication")
  func authentication() throws {
    try FuzzRun.each("Authentication") { random in
      let message: BackendMessage.Authentication =
        switch Int.random(in: 0..<10, using: &random) {
        case 0: .ok
        case 1: .cleartextPassword
        case 2: .md5Password(salt: (0..<4).map { _ in random.integer() })
        case 3: .gss
        case 4: .gssContinue(random.bytes())
        case 5: .sspi
        case 6: .saslContinue(random.bytes())
        case 7: .saslFinal(random.bytes())
        case 8: .unknown(Int32.random(in: 13 ... .max, using: &random))
        default:
          .sasl(mechanisms: (0..<random.size() % 9).map { _ in "S" + random.text() })
        }
      try check(
        message, &random, encode: { EveryDecoder.written($0.encode) },
        decode: BackendMessage.Authentication.init(decoding:))
    }
  }

  @Test("What a session begins and ends with")
  func session() throws {
    try FuzzRun.each("session messages") { random in
      try check(
        BackendMessage.ParameterStatus(name: random.text(), value: random.text()), &random,
        encode: { EveryDecoder.written($0.encode) },
        decode: BackendMessage.ParameterStatus.init(decoding:))
      try check(
        BackendMessage.BackendKeyData(
          key: CancelKey(processID: random.integer(), secret: random.secret())), &random,
        encode: { EveryDecoder.written($0.encode) },
        decode: BackendMessage.BackendKeyData.init(decoding:))
      try check(
        BackendMessage.NegotiateProtocolVersion(
          newest: ProtocolVersion(code: random.integer()),
          unknownOptions: (0..<random.size() % 9).map { _ in random.text() }), &random,
        encode: { EveryDecoder.written($0.encode) },
        decode: BackendMessage.NegotiateProtocolVersion.init(decoding:))
      try check(
        BackendMessage.ReadyForQuery(
          status: TransactionStatus.allCases.randomElement(using: &random) ?? .idle), &random,
        encode: { EveryDecoder.written($0.encode) },
        decode: BackendMessage.ReadyForQuery.init(decoding:))
      let complete = BackendMessage.CommandComplete(tag: random.text())
      try check(
        complete, &random, encode: { EveryDecoder.written($0.encode) },
        decode: BackendMessage.CommandComplete.init(decoding:))
      _ = complete.rows
    }
  }

  @Test("Any bytes as any message")
  func anything() throws {
    var read = 0
    try FuzzRun.each("any bytes as any message of a server") { random in
      let type = BackendMessageType.allCases.randomElement(using: &random) ?? .dataRow
      if (try? EveryDecoder.backend(type, random.bytes())) != nil { read += 1 }
    }
    #expect(read > 0 && read < FuzzRun.cases)
  }
}
