import NIOCore

/// Bound values in readable form, for records.
package enum ParameterText {
  /// The text of a value as the server would print it with `DateStyle` ISO in UTC.
  ///
  /// A value in text format comes back as it is. `nil` where the type is not a built-in one, the
  /// bytes are not of it or not UTF-8, or the text would be longer than `limit` bytes: a binary
  /// form can be thousands of times shorter than its text. The bytes may come from a peer: never
  /// traps.
  ///
  /// - Parameter effort: Steps of work that may be done; falls by what was, with a text or without.
  ///   A byte of text is at least one step. `nil` when it does not suffice.
  package static func decode(
    oid: UInt32, format: FormatCode, bytes: ByteBuffer, limit: Int = 1 << 20, effort: inout Int
  ) -> String? {
    switch format {
    case .text:
      guard bytes.readableBytes <= min(limit, effort) else { return nil }
      effort -= bytes.readableBytes
      return String(validating: bytes.readableBytesView, as: UTF8.self)
    case .binary:
      var printer = ValuePrinter(limit: limit, effort: effort)
      defer { effort = printer.effort }
      do throws(UnreadableValue) {
        try printer.print(bytes, oid: oid)
      } catch {
        return nil
      }
      return String(validating: printer.text, as: UTF8.self)
    default: return nil
    }
  }
}

/// The bytes are not a value of the type, or too long to print, or too much work.
struct UnreadableValue: Error {}
