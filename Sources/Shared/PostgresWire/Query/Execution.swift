import NIOCore

extension FrontendMessage {
  /// What Describe and Close are about.
  package enum Target: Hashable, Sendable {
    case statement(WireName)
    case portal(WireName)

    fileprivate init(reading reader: inout BodyReader) throws(WireError) {
      let kind = try reader.integer(UInt8.self)
      let name = try reader.name()
      switch kind {
      case UInt8(ascii: "S"): self = .statement(name)
      case UInt8(ascii: "P"): self = .portal(name)
      default:
        throw reader.invalid("its kind is \(kind); it must be 'S' or 'P'")
      }
      try reader.end()
    }

    fileprivate func write(into buffer: inout ByteBuffer) {
      switch self {
      case .statement(let name):
        buffer.writeInteger(UInt8(ascii: "S"))
        name.write(into: &buffer)
      case .portal(let name):
        buffer.writeInteger(UInt8(ascii: "P"))
        name.write(into: &buffer)
      }
    }
  }

  /// Asks for the parameters and columns of a statement, or the columns of a portal.
  ///
  /// Layout: `S` or `P`, zero-terminated name.
  package struct Describe: Hashable, Sendable {
    package let target: Target

    package init(_ target: Target) { self.target = target }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "Describe")
      target = try Target(reading: &reader)
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(FrontendMessageType.describe) { target.write(into: &$0) }
    }
  }

  /// Forgets a statement or a portal.
  ///
  /// Layout: `S` or `P`, zero-terminated name.
  package struct Close: Hashable, Sendable {
    package let target: Target

    package init(_ target: Target) { self.target = target }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "Close")
      target = try Target(reading: &reader)
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(FrontendMessageType.close) { target.write(into: &$0) }
    }
  }

  /// Runs a portal.
  ///
  /// Layout: zero-terminated portal, `Int32` row limit.
  package struct Execute: Hashable, Sendable {
    package let portal: WireName
    /// Rows after which the portal is suspended; 0 or below means no limit.
    package let maximumRows: Int32

    package init(portal: WireName = .unnamed, maximumRows: Int32 = 0) {
      self.portal = portal
      self.maximumRows = maximumRows
    }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "Execute")
      portal = try reader.name()
      maximumRows = try reader.integer(Int32.self)
      try reader.end()
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(FrontendMessageType.execute) { buffer in
        portal.write(into: &buffer)
        buffer.writeInteger(maximumRows)
      }
    }
  }

  package static func writeSync(into buffer: inout ByteBuffer) {
    buffer.writeMessage(FrontendMessageType.sync) { _ in }
  }

  package static func writeFlush(into buffer: inout ByteBuffer) {
    buffer.writeMessage(FrontendMessageType.flush) { _ in }
  }

  package static func writeTerminate(into buffer: inout ByteBuffer) {
    buffer.writeMessage(FrontendMessageType.terminate) { _ in }
  }
}
