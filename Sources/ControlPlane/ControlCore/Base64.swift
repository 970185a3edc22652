internal import Foundation

enum Base64 {
  static func isValid(_ text: String) -> Bool { Data(base64Encoded: text) != nil }
  static func text(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
