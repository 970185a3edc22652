/// Why a bundle was refused or could not be made.
package struct BundleError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of refusal; its raw value is the `reason` of an agent's verdict.
  package enum Code: String, Hashable, Sendable, CaseIterable {
    case malformed
    case tooLarge = "too_large"
    case signature
    case audience
    case version
    case expired
  }

  package var code: Code
  /// What was found and what to do about it.
  package var message: String

  package init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { "bundle refused (\(code.rawValue)): \(message)" }
}
