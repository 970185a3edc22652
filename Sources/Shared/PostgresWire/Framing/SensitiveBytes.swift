import NIOCore

/// Bytes of the wire that must not be shown: a password, an authentication answer, a cancel key.
///
/// Every textual form is redacted. Equality takes time that depends on the lengths only.
package struct SensitiveBytes: Sendable {
  package let bytes: [UInt8]

  package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
  package init(_ slice: ByteBuffer) { bytes = Array(slice.readableBytesView) }
}

extension SensitiveBytes: Hashable {
  package static func == (left: SensitiveBytes, right: SensitiveBytes) -> Bool {
    constantTimeEqual(left.bytes, right.bytes)
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}

extension SensitiveBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "<redacted>" }
  package var debugDescription: String { "<redacted>" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Compares in time that depends on the lengths only.
func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  guard left.count == right.count else { return false }
  var difference: UInt8 = 0
  for (a, b) in zip(left, right) { difference |= a ^ b }
  return difference == 0
}
