import NIOCore

/// The header of a typed message: a type byte and a length, read without the body.
///
/// Layout: `UInt8` type, `Int32` length that counts itself but not the type, then the body.
package struct MessageHeader<Kind: MessageType>: Hashable, Sendable {
  package let type: Kind
  /// Bytes that follow the header.
  package let bodyLength: Int

  @inlinable
  package init(type: Kind, bodyLength: Int) {
    self.type = type
    self.bodyLength = bodyLength
  }

  /// Bytes of the whole message with its header.
  @inlinable
  package var messageLength: Int { bodyLength + MessageHeaderLayout.byteCount }

  /// Reads the header at `offset` readable bytes into `buffer`, consuming nothing.
  ///
  /// An unknown type is an error from its first byte on, as at the server; `nil` means that the
  /// header has not arrived whole. `limit` is the longest body taken, in bytes: what is above is
  /// refused here, before any of it is buffered.
  @inlinable
  package static func peek(
    _ buffer: ByteBuffer, offset: Int = 0, limit: Int = MessageLimit.large
  ) throws(WireError) -> Self? {
    let start = buffer.readerIndex + offset
    guard let byte = buffer.getInteger(at: start, as: UInt8.self) else { return nil }
    guard let type = Kind(rawValue: byte) else { throw .unknownType(byte, sender: Kind.sender) }
    guard let length = buffer.getInteger(at: start + 1, as: UInt32.self) else { return nil }
    guard length >= 4 else { throw .shortLength(Int(length), type: byte, sender: Kind.sender) }
    let bodyLength = Int(length) - 4
    guard bodyLength <= limit else {
      throw .longBody(bodyLength, limit: limit, type: byte, sender: Kind.sender)
    }
    return Self(type: type, bodyLength: bodyLength)
  }
}

package typealias FrontendHeader = MessageHeader<FrontendMessageType>
package typealias BackendHeader = MessageHeader<BackendMessageType>

package enum MessageHeaderLayout {
  /// Bytes of a header: the type and the length.
  package static let byteCount = 5
}

extension WireError {
  @usableFromInline
  static func unknownType(_ byte: UInt8, sender: String) -> WireError {
    WireError(
      .unknownType,
      "cannot read the \(sender)'s message: no message has the type \(typeText(byte)); "
        + "the \(sender) must speak PostgreSQL protocol 3")
  }

  @usableFromInline
  static func shortLength(_ length: Int, type: UInt8, sender: String) -> WireError {
    WireError(
      .lengthTooSmall,
      "cannot read the \(sender)'s message \(typeText(type)): its length is \(length); "
        + "it must be at least 4")
  }

  @usableFromInline
  static func longBody(_ length: Int, limit: Int, type: UInt8, sender: String) -> WireError {
    WireError(
      .lengthTooLarge,
      "cannot take the \(sender)'s message \(typeText(type)): its body has \(length) bytes and "
        + "\(limit) are allowed; send less at once")
  }

  private static func typeText(_ byte: UInt8) -> String {
    let scalar = Unicode.Scalar(byte)
    if byte > 0x20, byte < 0x7F { return "'\(scalar)'" }
    return "0x" + String(byte, radix: 16)
  }
}
