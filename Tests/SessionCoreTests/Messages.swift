import NIOCore
import PostgresWire

/// Literal messages of a client.
enum Client {
  static func startup(
    user: String = "app", database: String? = "orders", _ extra: [(String, String)] = [],
    version: ProtocolVersion = .v3_0
  ) -> ByteBuffer {
    var parameters: [StartupMessage.Parameter] = [.init(name: "user", value: user)]
    if let database { parameters.append(.init(name: "database", value: database)) }
    parameters += extra.map { .init(name: $0.0, value: $0.1) }
    return write { StartupMessage(version: version, parameters: parameters).encode(into: &$0) }
  }

  static func password(_ text: String) -> ByteBuffer {
    write { FrontendMessage.PasswordMessage(password: text.utf8).encode(into: &$0) }
  }

  static func query(_ sql: String) -> ByteBuffer {
    write { FrontendMessage.Query(sql: sql).encode(into: &$0) }
  }

  static func parse(_ name: String = "", _ sql: String, _ oids: [UInt32] = []) -> ByteBuffer {
    write {
      FrontendMessage.Parse(
        name: WireName(name), sql: ByteBuffer(string: sql), parameterOIDs: oids
      ).encode(into: &$0)
    }
  }

  static func bind(
    _ portal: String = "", _ statement: String = "", formats: [FormatCode] = [],
    _ values: [ByteBuffer?] = []
  ) -> ByteBuffer {
    write {
      FrontendMessage.Bind(
        portal: WireName(portal), statement: WireName(statement), parameterFormats: formats,
        parameters: values
      ).encode(into: &$0)
    }
  }

  static func execute(_ portal: String = "", rows: Int32 = 0) -> ByteBuffer {
    write {
      FrontendMessage.Execute(portal: WireName(portal), maximumRows: rows).encode(into: &$0)
    }
  }

  static func describe(statement name: String) -> ByteBuffer {
    write { FrontendMessage.Describe(.statement(WireName(name))).encode(into: &$0) }
  }

  static func describe(portal name: String = "") -> ByteBuffer {
    write { FrontendMessage.Describe(.portal(WireName(name))).encode(into: &$0) }
  }

  static func close(statement name: String) -> ByteBuffer {
    write { FrontendMessage.Close(.statement(WireName(name))).encode(into: &$0) }
  }

  static func close(portal name: String) -> ByteBuffer {
    write { FrontendMessage.Close(.portal(WireName(name))).encode(into: &$0) }
  }

  static let sync = write { FrontendMessage.writeSync(into: &$0) }
  static let flush = write { FrontendMessage.writeFlush(into: &$0) }
  static let terminate = write { FrontendMessage.writeTerminate(into: &$0) }
  static func copyData(_ text: String) -> ByteBuffer { message("d", text) }
  static let copyDone = message("c", "")
  static func copyFail(_ text: String) -> ByteBuffer { message("f", text + "\0") }
  static let functionCall = message("F", "\0\0\0\u{1}\0\0\0\0\0\0")
}

/// Literal messages of a server.
enum Server {
  static let authenticationOk = write { BackendMessage.Authentication.ok.encode(into: &$0) }
  static func authentication(_ message: BackendMessage.Authentication) -> ByteBuffer {
    write { message.encode(into: &$0) }
  }
  static func status(_ name: String, _ value: String) -> ByteBuffer {
    write { BackendMessage.ParameterStatus(name: name, value: value).encode(into: &$0) }
  }
  static func key(_ process: Int32, _ secret: [UInt8]) -> ByteBuffer {
    write {
      BackendMessage.BackendKeyData(key: CancelKey(processID: process, secret: secret))
        .encode(into: &$0)
    }
  }
  static func ready(_ status: TransactionStatus = .idle) -> ByteBuffer {
    write { BackendMessage.ReadyForQuery(status: status).encode(into: &$0) }
  }
  static func complete(_ tag: String) -> ByteBuffer {
    write { BackendMessage.CommandComplete(tag: tag).encode(into: &$0) }
  }
  static func error(
    _ code: String, _ text: String = "failed", severity: BackendMessage.Diagnostic.Severity = .error
  ) -> ByteBuffer {
    write {
      BackendMessage.Diagnostic(severity: severity, sqlState: code, message: text)
        .encodeError(into: &$0)
    }
  }
  static let row = message("D", "\0\u{1}\0\0\0\u{1}7")
  static func rows(_ count: Int) -> ByteBuffer { all(Array(repeating: row, count: count)) }
  static let rowDescription = write {
    BackendMessage.RowDescription(columns: [.init(name: "n", typeOID: 23)]).encode(into: &$0)
  }
  static let parseComplete = message("1", "")
  static let bindComplete = message("2", "")
  static let closeComplete = message("3", "")
  static let noData = message("n", "")
  static let suspended = message("s", "")
  static let empty = message("I", "")
  static let copyIn = message("G", "\0\0\0")
  static let copyOut = message("H", "\0\0\0")
  static let copyDone = message("c", "")
  static func copyData(_ text: String) -> ByteBuffer { message("d", text) }
  static func notice(_ text: String) -> ByteBuffer { message("N", "M\(text)\0\0") }
  static func notification(_ channel: String) -> ByteBuffer {
    message("A", "\0\0\0\u{1}\(channel)\0\0")
  }
  static func parameterDescription(_ oids: [UInt32]) -> ByteBuffer {
    var body = ByteBuffer()
    body.writeInteger(UInt16(oids.count))
    for oid in oids { body.writeInteger(oid) }
    return message("t", body)
  }
}

func write(_ body: (inout ByteBuffer) -> Void) -> ByteBuffer {
  var bytes = ByteBuffer()
  body(&bytes)
  return bytes
}

func message(_ type: Unicode.Scalar, _ body: String) -> ByteBuffer {
  message(type, ByteBuffer(string: body))
}

func message(_ type: Unicode.Scalar, _ body: ByteBuffer) -> ByteBuffer {
  write {
    $0.writeInteger(UInt8(ascii: type))
    $0.writeInteger(UInt32(body.readableBytes + 4))
    $0.writeImmutableBuffer(body)
  }
}

func all(_ parts: [ByteBuffer]) -> ByteBuffer {
  write { for part in parts { $0.writeImmutableBuffer(part) } }
}

/// Takes whole messages off the front of a stream.
struct MessageStream {
  private(set) var bytes = ByteBuffer()

  mutating func append(_ more: ByteBuffer) {
    bytes.discardReadBytes()
    bytes.writeImmutableBuffer(more)
  }

  mutating func next() -> (type: Character, body: ByteBuffer)? {
    guard
      let (type, length) = bytes.getMultipleIntegers(
        at: bytes.readerIndex, as: (UInt8, UInt32).self), length >= 4,
      var whole = bytes.readSlice(length: Int(length) + 1)
    else { return nil }
    whole.moveReaderIndex(forwardBy: 5)
    return (Character(Unicode.Scalar(type)), whole)
  }

  /// The types of all whole messages, in order.
  mutating func types() -> String {
    var text = ""
    while let next = next() { text.append(next.type) }
    return text
  }
}

func types(_ bytes: ByteBuffer) -> String {
  var stream = MessageStream()
  stream.append(bytes)
  return stream.types()
}
