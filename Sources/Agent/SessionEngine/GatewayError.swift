/// Why a gateway could not start.
package struct GatewayError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: Hashable, Sendable {
    /// An address is taken or not of this host.
    case listen
    /// The certificate or key for clients cannot be used.
    case tlsIdentity
    /// The record log cannot be opened.
    case recordLog
    /// The call does not fit what the gateway is doing, such as a second start.
    case state
  }

  package var code: Code
  /// What failed, with the value, and what to do about it.
  package var message: String

  package init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
