import NIOCore
import PostgresWire

/// Reads a body with the decoders of its type, and writes what was read where there is an encoder.
enum EveryDecoder {
  /// The encoded messages; more than one where a type byte has more than one form.
  static func frontend(
    _ type: FrontendMessageType, _ body: ByteBuffer
  ) throws(WireError) -> [ByteBuffer] {
    switch type {
    case .query: [written(try FrontendMessage.Query(decoding: body).encode)]
    case .parse: [written(try FrontendMessage.Parse(decoding: body).encode)]
    case .bind: [written(try bind(body).encode)]
    case .describe: [written(try FrontendMessage.Describe(decoding: body).encode)]
    case .close: [written(try FrontendMessage.Close(decoding: body).encode)]
    case .execute: [written(try FrontendMessage.Execute(decoding: body).encode)]
    case .sync: [written(FrontendMessage.writeSync)]
    case .flush: [written(FrontendMessage.writeFlush)]
    case .terminate: [written(FrontendMessage.writeTerminate)]
    case .functionCall: try read(FrontendMessage.FunctionCall.init(decoding:), body)
    case .password:
      [
        (try? FrontendMessage.PasswordMessage(decoding: body)).map { written($0.encode) },
        (try? FrontendMessage.SASLInitialResponse(decoding: body)).map { written($0.encode) },
        written(FrontendMessage.SASLResponse(decoding: body).encode),
      ].compactMap { $0 }
    case .copyData, .copyDone, .copyFail: []
    }
  }

  private static func bind(_ body: ByteBuffer) throws(WireError) -> FrontendMessage.Bind {
    let bind = try FrontendMessage.Bind(decoding: body)
    for (index, value) in bind.parameters.enumerated() {
      guard let value, let format = bind.format(ofParameter: index) else { continue }
      // Any type: the value's own bytes say which, so that a case can be run again.
      let oid = value.getInteger(at: value.readerIndex, as: UInt8.self).map(UInt32.init) ?? 23
      _ = ParameterText.decode(oid: oid, format: format, bytes: value)
    }
    return bind
  }

  static func backend(
    _ type: BackendMessageType, _ body: ByteBuffer
  ) throws(WireError) -> [ByteBuffer] {
    switch type {
    case .authentication: [written(try BackendMessage.Authentication(decoding: body).encode)]
    case .backendKeyData: [written(try BackendMessage.BackendKeyData(decoding: body).encode)]
    case .parameterStatus: [written(try BackendMessage.ParameterStatus(decoding: body).encode)]
    case .readyForQuery: [written(try BackendMessage.ReadyForQuery(decoding: body).encode)]
    case .errorResponse: [written(try BackendMessage.Diagnostic(decoding: body).encodeError)]
    case .noticeResponse: [written(try BackendMessage.Diagnostic(decoding: body).encodeNotice)]
    case .commandComplete:
      [written(try commandComplete(body).encode)]
    case .parameterDescription:
      [written(try BackendMessage.ParameterDescription(decoding: body).encode)]
    case .rowDescription: [written(try BackendMessage.RowDescription(decoding: body).encode)]
    case .dataRow: [written(try BackendMessage.DataRow(decoding: body).encode)]
    case .negotiateProtocolVersion:
      [written(try BackendMessage.NegotiateProtocolVersion(decoding: body).encode)]
    case .copyInResponse, .copyOutResponse, .copyBothResponse:
      try read(BackendMessage.CopyResponse.init(decoding:), body)
    case .bindComplete, .closeComplete, .parseComplete, .noData, .emptyQueryResponse,
      .portalSuspended, .copyDone, .copyData, .notificationResponse, .functionCallResponse:
      []
    }
  }

  private static func commandComplete(
    _ body: ByteBuffer
  ) throws(WireError) -> BackendMessage.CommandComplete {
    let complete = try BackendMessage.CommandComplete(decoding: body)
    _ = complete.rows
    return complete
  }

  /// For messages without an encoder.
  private static func read<Message>(
    _ decode: (ByteBuffer) throws(WireError) -> Message, _ body: ByteBuffer
  ) throws(WireError) -> [ByteBuffer] {
    _ = try decode(body)
    return []
  }

  static func written(_ encode: (inout ByteBuffer) -> Void) -> ByteBuffer {
    var buffer = ByteBuffer()
    encode(&buffer)
    return buffer
  }
}

extension ParameterText {
  /// Without a bound of the work.
  static func decode(
    oid: UInt32, format: FormatCode, bytes: ByteBuffer, limit: Int = 1 << 20
  ) -> String? {
    var effort = Int.max
    return decode(oid: oid, format: format, bytes: bytes, limit: limit, effort: &effort)
  }
}
