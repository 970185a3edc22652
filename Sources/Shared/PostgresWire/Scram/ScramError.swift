/// A SCRAM exchange that cannot end well. Carries no part of a message.
package struct ScramError: Error, Hashable, Sendable {
  package enum Code: Hashable, Sendable {
    /// The server offers no mechanism that the settings allow.
    case noMechanism
    /// A message of the server does not follow RFC 5802.
    case malformed
    /// The server's nonce does not continue ours: an answer to another exchange.
    case wrongNonce
    /// More iterations asked than the cap allows, or none.
    case iterationCount
    /// The server says that it refuses us.
    case refused
    /// The server does not know the password: it may be an impostor.
    case serverNotVerified
    /// A message came when none was due.
    case outOfOrder
  }

  package let code: Code
  /// What failed and what to do.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}

extension ScramError: CustomStringConvertible {
  package var description: String { message }
}
