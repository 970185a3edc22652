/// A protocol version as the startup packet writes it: major in the upper 16 bits.
package struct ProtocolVersion: Hashable, Sendable, Comparable {
  package let major: UInt16
  package let minor: UInt16

  package init(major: UInt16, minor: UInt16) {
    self.major = major
    self.minor = minor
  }

  package init(code: UInt32) {
    self.init(major: UInt16(code >> 16), minor: UInt16(truncatingIfNeeded: code))
  }

  package var code: UInt32 { UInt32(major) << 16 | UInt32(minor) }

  // swift-format-ignore: AlwaysUseLowerCamelCase
  package static let v3_0 = ProtocolVersion(major: 3, minor: 0)
  /// Has cancel keys of 4 to 256 bytes (PostgreSQL 18).
  // swift-format-ignore: AlwaysUseLowerCamelCase
  package static let v3_2 = ProtocolVersion(major: 3, minor: 2)

  /// The newest version of this implementation.
  package static let newest = v3_2

  /// Whether a cancel key may have more than 4 bytes.
  package var hasLongCancelKeys: Bool { self >= .v3_2 }

  package static func < (left: ProtocolVersion, right: ProtocolVersion) -> Bool {
    left.code < right.code
  }
}

extension ProtocolVersion: CustomStringConvertible {
  package var description: String { "\(major).\(minor)" }
}
