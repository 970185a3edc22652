/// Bytes of a peer that do not follow the PostgreSQL frontend/backend protocol.
///
/// Carries no part of a message's content, so it may be logged.
package struct WireError: Error, Hashable, Sendable {
  package enum Code: Hashable, Sendable {
    /// A field reaches beyond the end of its message.
    case truncated
    /// Bytes are left behind the last field of a message.
    case trailingBytes
    /// A length field is below what its message must have.
    case lengthTooSmall
    /// A length field is above the limit given for it.
    case lengthTooLarge
    /// No message of this direction has this type byte.
    case unknownType
    /// A field has a value that the protocol does not allow.
    case invalidValue
    /// The major protocol version is not 3.
    case unsupportedVersion
  }

  package let code: Code
  /// What could not be read, the value met, and what the sender would have to do.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}

extension WireError: CustomStringConvertible {
  package var description: String { message }
}
