/// Bytes that must not be shown: a password, a token, a key.
///
/// Every textual form is redacted, so that a log line, an error or a crash cannot carry it by
/// accident. It is not `Codable`; who stores one says so by reading ``bytes``.
package struct Secret: Hashable, Sendable {
  package let bytes: [UInt8]

  package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
  package init(text: String) { bytes = Array(text.utf8) }

  /// The bytes read as UTF-8, repaired where they are not.
  package var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "<redacted>" }
  package var debugDescription: String { "<redacted>" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
