/// Why the agent could not join or stay joined with its control plane.
package struct LinkError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: Hashable, Sendable, CaseIterable {
    /// An address, a URL or a join token that is not one.
    case argument
    case unreachable
    /// The authority is not the one the join token names, or TLS found the peer untrusted.
    case untrusted
    /// The control plane said no.
    case refused
    /// The control plane said no because an administrator has removed this agent.
    case removed
    /// The control plane's answer is not usable.
    case answer
    /// A certificate or a key of this agent is not usable.
    case identity
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
