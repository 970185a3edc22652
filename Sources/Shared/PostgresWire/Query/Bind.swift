import NIOCore

extension FrontendMessage {
  /// Makes a portal of a prepared statement and its parameter values.
  ///
  /// Layout: zero-terminated portal and statement; `Int16` count and parameter formats; `Int16`
  /// count and values, each an `Int32` length (-1 for null) and bytes; `Int16` count and result
  /// formats.
  package struct Bind: Hashable, Sendable {
    package let portal: WireName
    package let statement: WireName
    package let parameterFormats: [FormatCode]
    /// `nil` for null; others are slices of the message.
    package let parameters: [ByteBuffer?]
    package let resultFormats: [FormatCode]

    package init(
      portal: WireName = .unnamed, statement: WireName = .unnamed,
      parameterFormats: [FormatCode] = [], parameters: [ByteBuffer?] = [],
      resultFormats: [FormatCode] = []
    ) {
      self.portal = portal
      self.statement = statement
      self.parameterFormats = parameterFormats
      self.parameters = parameters
      self.resultFormats = resultFormats
    }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "Bind")
      portal = try reader.name()
      statement = try reader.name()
      parameterFormats = try reader.formats()
      parameters = try reader.values()
      resultFormats = try reader.formats()
      try reader.end()
    }

    /// The format of a parameter; `nil` where the message names formats for fewer parameters than
    /// it has, which the server refuses.
    package func format(ofParameter index: Int) -> FormatCode? {
      FormatCode.of(index, in: parameterFormats)
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(FrontendMessageType.bind) { buffer in
        portal.write(into: &buffer)
        statement.write(into: &buffer)
        buffer.writeFormats(parameterFormats)
        buffer.writeCount(parameters.count)
        for value in parameters.prefix(Int(UInt16.max)) { buffer.writeValue(value) }
        buffer.writeFormats(resultFormats)
      }
    }
  }
}

extension BodyReader {
  mutating func formats() throws(WireError) -> [FormatCode] {
    let codes = try array(of: Int16.self)
    return codes.isEmpty ? [] : codes.map(FormatCode.init(rawValue:))
  }

  /// A two-byte count and that many values.
  mutating func values() throws(WireError) -> [ByteBuffer?] {
    let count = try count()
    guard count > 0 else { return [] }
    let leastBytesOfAValue = 4
    guard remaining >= count * leastBytesOfAValue else { throw truncated() }
    var values: [ByteBuffer?] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try value()) }
    return values
  }
}

extension ByteBuffer {
  mutating func writeFormats(_ formats: [FormatCode]) {
    writeCount(formats.count)
    for format in formats.prefix(Int(UInt16.max)) { writeInteger(format.rawValue) }
  }
}
