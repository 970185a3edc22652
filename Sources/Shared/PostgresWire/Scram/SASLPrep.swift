// For Unicode's compatibility composition (NFKC), which the standard library does not offer.
import Foundation

/// Prepares a password so that all ways of typing it are one (RFC 4013), as libpq does.
package enum SASLPrep {
  /// The prepared bytes. What cannot be prepared (not UTF-8, prohibited characters, mixed writing
  /// directions, nothing left) comes back unchanged, as at the server, whose verifiers were made
  /// by the same rule.
  package static func prepare(_ password: [UInt8]) -> [UInt8] {
    // Printable ASCII is unchanged by every step.
    if password.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return password }
    guard let text = String(validating: password, as: UTF8.self) else { return password }
    let mapped = String(String.UnicodeScalarView(text.unicodeScalars.compactMap(mapped)))
    let composed = mapped.precomposedStringWithCompatibilityMapping.unicodeScalars
    guard !composed.isEmpty, !composed.contains(where: isProhibited), isOneDirection(composed)
    else { return password }
    return Array(String(composed).utf8)
  }

  /// Section 2.1: other spaces become a space, invisible characters go (RFC 3454 tables C.1.2, B.1).
  private static func mapped(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
    switch scalar.value {
    case 0x00A0, 0x1680, 0x2000...0x200B, 0x202F, 0x205F, 0x3000: " "
    case 0x00AD, 0x034F, 0x1806, 0x180B...0x180D, 0x200C, 0x200D, 0x2060, 0xFE00...0xFE0F, 0xFEFF:
      nil
    default: scalar
    }
  }

  /// Section 2.3 and 2.5 (RFC 3454 tables A.1 and C.2.1 to C.9).
  private static func isProhibited(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .surrogate, .privateUse, .unassigned: return true
    default: break
    }
    // The RFC speaks of Unicode 3.2; what came later counts as unassigned.
    guard let age = scalar.properties.age, (age.major, age.minor) <= (3, 2) else { return true }
    switch scalar.value {
    case 0x0340, 0x0341, 0x06DD, 0x070F, 0x180E, 0x200E, 0x200F, 0x2028...0x202E, 0x2061...0x2063,
      0x206A...0x206F, 0x2FF0...0x2FFB, 0xFFF9...0xFFFD, 0x1D173...0x1D17A, 0xE0001,
      0xE0020...0xE007F:
      return true
    default: return scalar.value & 0xFFFE == 0xFFFE
    }
  }

  /// Section 2.4: right-to-left text stands alone and both begins and ends the string
  /// (RFC 3454 section 6). Right-to-left is told by script block.
  private static func isOneDirection(_ text: String.UnicodeScalarView) -> Bool {
    guard text.contains(where: isRightToLeft) else { return true }
    guard let first = text.first, let last = text.last else { return true }
    guard isRightToLeft(first), isRightToLeft(last) else { return false }
    return !text.contains { $0.properties.isAlphabetic && !isRightToLeft($0) && !isMark($0) }
  }

  private static func isRightToLeft(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x05BE, 0x05C0, 0x05C3, 0x05D0...0x05F4, 0x061B...0x064A, 0x066D...0x066F, 0x0671...0x06D5,
      0x06E5...0x06E6, 0x06FA...0x070D, 0x0710, 0x0712...0x072C, 0x0780...0x07A5, 0x07B1,
      0xFB1D, 0xFB1F...0xFDFC, 0xFE70...0xFEFC:
      true
    default: false
    }
  }

  private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark: true
    default: false
    }
  }
}
