import NIOCore

extension BackendMessage {
  /// The body of ErrorResponse and NoticeResponse.
  ///
  /// Layout: a field code and a zero-terminated text, repeated; a zero byte as the last one.
  package struct Diagnostic: Hashable, Sendable {
    /// What a field says (PostgreSQL documentation, "Error and Notice Message Fields").
    package struct FieldCode: RawRepresentable, Hashable, Sendable {
      package let rawValue: UInt8

      package init(rawValue: UInt8) { self.rawValue = rawValue }
      private init(_ scalar: Unicode.Scalar) { rawValue = UInt8(ascii: scalar) }

      /// In the language of the server's messages.
      package static let localizedSeverity = FieldCode("S")
      package static let severity = FieldCode("V")
      package static let sqlState = FieldCode("C")
      package static let message = FieldCode("M")
      package static let detail = FieldCode("D")
      package static let hint = FieldCode("H")
      package static let position = FieldCode("P")
      package static let `where` = FieldCode("W")
      package static let schema = FieldCode("s")
      package static let table = FieldCode("t")
      package static let column = FieldCode("c")
      package static let dataType = FieldCode("d")
      package static let constraint = FieldCode("n")
    }

    package struct Field: Hashable, Sendable {
      package let code: FieldCode
      /// As sent, without the terminator. Not UTF-8 where the server answers before the client's
      /// encoding is known.
      package let value: ByteBuffer

      package init(_ code: FieldCode, _ value: ByteBuffer) {
        self.code = code
        self.value = value
      }
    }

    package enum Severity: String, Hashable, Sendable {
      case error = "ERROR"
      case fatal = "FATAL"
      case panic = "PANIC"
      case warning = "WARNING"
      case notice = "NOTICE"
      case debug = "DEBUG"
      case info = "INFO"
      case log = "LOG"
    }

    /// In the order sent, those of unknown code too.
    package let fields: [Field]

    package init(fields: [Field]) { self.fields = fields }

    /// An answer of our own; it has S, V, C and M always, D and H where given.
    package init(
      severity: Severity, sqlState: String, message: String, detail: String? = nil,
      hint: String? = nil
    ) {
      var fields = [
        Field(.localizedSeverity, ByteBuffer(string: severity.rawValue)),
        Field(.severity, ByteBuffer(string: severity.rawValue)),
        Field(.sqlState, ByteBuffer(string: sqlState)),
        Field(.message, ByteBuffer(string: message)),
      ]
      if let detail { fields.append(Field(.detail, ByteBuffer(string: detail))) }
      if let hint { fields.append(Field(.hint, ByteBuffer(string: hint))) }
      self.init(fields: fields)
    }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "ErrorResponse")
      var fields: [Field] = []
      while true {
        let code = try reader.integer(UInt8.self)
        if code == 0 { break }
        fields.append(Field(FieldCode(rawValue: code), try reader.zeroTerminated()))
      }
      try reader.end()
      self.init(fields: fields)
    }

    /// The text of the first field with this code; what is not UTF-8 is replaced.
    package func text(_ code: FieldCode) -> String? {
      fields.first { $0.code == code }.map { String(buffer: $0.value) }
    }

    /// Five characters, or empty where the server sent none.
    package var sqlState: String { text(.sqlState) ?? "" }
    package var message: String { text(.message) ?? "" }

    /// From the field that is never translated, where there is one (PostgreSQL 9.6 and later).
    package var severity: Severity? {
      (text(.severity) ?? text(.localizedSeverity)).flatMap(Severity.init(rawValue:))
    }

    /// Whether the server ends the connection after this.
    package var endsSession: Bool { severity == .fatal || severity == .panic }

    package func encodeError(into buffer: inout ByteBuffer) {
      encode(as: .errorResponse, into: &buffer)
    }

    package func encodeNotice(into buffer: inout ByteBuffer) {
      encode(as: .noticeResponse, into: &buffer)
    }

    private func encode(as type: BackendMessageType, into buffer: inout ByteBuffer) {
      buffer.writeMessage(type) { buffer in
        for field in fields where field.code.rawValue != 0 {
          buffer.writeInteger(field.code.rawValue)
          buffer.writeZeroTerminated(field.value.readableBytesView)
        }
        buffer.writeInteger(UInt8(0))
      }
    }
  }
}
