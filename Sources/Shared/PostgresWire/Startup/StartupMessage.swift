import NIOCore

/// The packet that opens a session: the protocol version and the client's parameters.
package struct StartupMessage: Hashable, Sendable {
  package struct Parameter: Hashable, Sendable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }

    /// Whether this is a protocol option, which NegotiateProtocolVersion answers.
    package var isProtocolOption: Bool { name.hasPrefix("_pq_.") }
  }

  /// Any minor version of 3.
  package let version: ProtocolVersion
  /// In the order sent. A name may come twice: the server takes the last.
  package let parameters: [Parameter]

  package init(version: ProtocolVersion = .v3_0, parameters: [Parameter]) {
    self.version = version
    self.parameters = parameters
  }

  /// The value in effect, as at the server: the last one sent.
  package subscript(_ name: String) -> String? {
    parameters.last { $0.name.utf8.elementsEqual(name.utf8) }?.value
  }

  /// Layout: name and value, each ending in a zero byte, repeated; a zero byte as the last one.
  init(version: ProtocolVersion, reading reader: inout BodyReader) throws(WireError) {
    guard version.major == 3 else {
      throw WireError(
        .unsupportedVersion,
        "cannot serve protocol \(version): the major version must be 3; use a client of "
          + "PostgreSQL 7.4 or later")
    }
    var parameters: [Parameter] = []
    while true {
      let name = try reader.string()
      if name.isEmpty { break }
      parameters.append(Parameter(name: name, value: try reader.string()))
    }
    try reader.end()
    self.init(version: version, parameters: parameters)
  }

  package func encode(into buffer: inout ByteBuffer) {
    buffer.writeLengthPrefixed { buffer in
      buffer.writeInteger(version.code)
      for parameter in parameters {
        buffer.writeZeroTerminated(parameter.name)
        buffer.writeZeroTerminated(parameter.value)
      }
      buffer.writeInteger(UInt8(0))
    }
  }
}
