import NIOCore

/// Bound values in readable form, for records.
package enum ParameterText {
  /// The text of a value as the server would print it with `DateStyle` ISO in UTC.
  ///
  /// A value in text format comes back as it is. `nil` where the type is not a built-in one, the
  /// bytes are not of it, or the text would be longer than `limit` bytes: binary forms can be
  /// thousands of times shorter than their text. The bytes may come from a peer: never traps.
  package static func decode(
    oid: UInt32, format: FormatCode, bytes: ByteBuffer, limit: Int = 1 << 20
  ) -> String? {
    nil
  }
}
