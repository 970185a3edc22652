/// Why a certificate, a key or a request was refused or could not be made.
package struct IdentityError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: Hashable, Sendable, CaseIterable {
    /// Text that is not PEM, DER that is not the thing asked for.
    case malformed
    /// A key of another algorithm, or one that does not fit its certificate.
    case key
    case signature
    /// A name that cannot stand in a certificate.
    case name
    /// A certificate without an agent's identity in it.
    case notAnAgent
    case making
  }

  package var code: Code
  /// What failed, with the value that was wrong, and what to do about it.
  package var message: String

  package init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
