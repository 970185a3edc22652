internal import NIOCore
internal import PostgresWire

/// An ErrorResponse of the server, as far as it is needed here.
struct ServerError: Equatable, Sendable {
  var sqlstate = ""
  /// The primary message, cut for the record.
  var message = ""
  /// Whether the server ends the connection after it.
  var endsSession = false

  /// Reads the fields there are; never fails, since a long error comes cut.
  init(body: ByteBuffer, maximumMessageBytes: Int) {
    var body = body
    while let code = body.readInteger(as: UInt8.self), code != 0 {
      let length = body.withUnsafeReadableBytes { $0.firstIndex(of: 0) } ?? body.readableBytes
      guard let value = body.readSlice(length: length) else { return }
      body.moveReaderIndex(forwardBy: min(1, body.readableBytes))
      switch BackendMessage.Diagnostic.FieldCode(rawValue: code) {
      case .sqlState: sqlstate = String(buffer: Self.cut(value, to: 5))
      case .message: message = String(buffer: Self.cut(value, to: maximumMessageBytes))
      case .localizedSeverity, .severity:
        let text = String(buffer: Self.cut(value, to: 8))
        if text == "FATAL" || text == "PANIC" { endsSession = true }
      default: break
      }
    }
  }

  /// Takes on what the client is shown in its place.
  mutating func show(_ refusal: StatementRefusal) {
    sqlstate = refusal.sqlstate
    message = refusal.message
  }

  /// Whether the code is one: five digits or capital letters.
  var hasSQLState: Bool {
    sqlstate.utf8.count == 5
      && sqlstate.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
      }
  }

  /// What a client could not read of a whole body; `nil` when it can.
  static func flaw(of body: ByteBuffer) -> WireError? {
    do throws(WireError) {
      _ = try BackendMessage.Diagnostic(decoding: body)
      return nil
    } catch {
      return error
    }
  }

  /// Cut where a UTF-8 character begins.
  private static func cut(_ value: ByteBuffer, to limit: Int) -> ByteBuffer {
    guard value.readableBytes > limit else { return value }
    var end = limit
    while end > 0, let byte = value.getInteger(at: value.readerIndex + end, as: UInt8.self),
      byte & 0xC0 == 0x80
    {
      end -= 1
    }
    return value.getSlice(at: value.readerIndex, length: end) ?? ByteBuffer()
  }
}
