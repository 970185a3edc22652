import NIOCore

/// A packet without a type byte: what a client may send before its session begins.
///
/// Layout: `Int32` length that counts itself, `Int32` code, fields of the code.
package enum StartupPacket: Hashable, Sendable {
  /// The client asks for TLS; answered by one byte, `S` or `N`.
  case sslRequest
  /// The client asks for GSSAPI encryption; answered by one byte, `N` here.
  case gssEncryptionRequest
  case cancelRequest(CancelKey)
  case startup(StartupMessage)

  /// The longest packet without its length field, in bytes (the server's own limit).
  package static let maximumLength = 10_000

  package enum Code {
    package static let cancelRequest: UInt32 = 80_877_102
    package static let sslRequest: UInt32 = 80_877_103
    package static let gssEncryptionRequest: UInt32 = 80_877_104
  }

  /// Whether the bytes begin a TLS handshake instead of a packet: direct TLS.
  ///
  /// `nil` while there is no byte. A packet cannot begin so: its length would be above the limit.
  package static func beginsTLS(_ buffer: ByteBuffer) -> Bool? {
    let handshakeRecord: UInt8 = 0x16
    return buffer.getInteger(at: buffer.readerIndex, as: UInt8.self).map { $0 == handshakeRecord }
  }

  /// Takes one packet off the front of `buffer`; `nil`, taking nothing, while it is not there whole.
  ///
  /// A packet announced as too long or too short is refused from its length field alone. What
  /// follows the packet stays in `buffer`: behind a request answered by one byte that is a
  /// violation which the caller has to refuse (CVE-2021-23222).
  package static func next(in buffer: inout ByteBuffer) throws(WireError) -> StartupPacket? {
    guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else {
      return nil
    }
    let minimum = 8
    guard length >= minimum else {
      throw WireError(
        .lengthTooSmall,
        "cannot read the startup packet: its length is \(length); it must be at least \(minimum)")
    }
    guard length <= maximumLength + 4 else {
      throw WireError(
        .lengthTooLarge,
        "cannot take the startup packet: it announces \(length) bytes and \(maximumLength) are "
          + "allowed; send fewer parameters, or check that the client speaks PostgreSQL")
    }
    guard buffer.readableBytes >= length, var packet = buffer.readSlice(length: Int(length)) else {
      return nil
    }
    packet.moveReaderIndex(forwardBy: 4)
    return try StartupPacket(decoding: packet)
  }

  /// Reads a packet's bytes behind its length field.
  package init(decoding packet: ByteBuffer) throws(WireError) {
    var reader = BodyReader(packet, "the startup packet")
    let code = try reader.integer(UInt32.self)
    switch code {
    case Code.sslRequest:
      try reader.end()
      self = .sslRequest
    case Code.gssEncryptionRequest:
      try reader.end()
      self = .gssEncryptionRequest
    case Code.cancelRequest:
      self = .cancelRequest(try CancelKey(reading: &reader))
    default:
      self = .startup(
        try StartupMessage(version: ProtocolVersion(code: code), reading: &reader))
    }
  }

  package static func writeSSLRequest(into buffer: inout ByteBuffer) {
    buffer.writeInteger(UInt32(8))
    buffer.writeInteger(Code.sslRequest)
  }

  package static func writeGSSEncryptionRequest(into buffer: inout ByteBuffer) {
    buffer.writeInteger(UInt32(8))
    buffer.writeInteger(Code.gssEncryptionRequest)
  }

  package static func writeCancelRequest(_ key: CancelKey, into buffer: inout ByteBuffer) {
    buffer.writeLengthPrefixed { buffer in
      buffer.writeInteger(Code.cancelRequest)
      buffer.writeInteger(key.processID)
      buffer.writeBytes(key.secret.bytes)
    }
  }
}
