/// Whether a gateway can do its work, one line for each thing that is wrong.
package struct GatewayHealth: Hashable, Sendable {
  package enum State: String, Hashable, Sendable {
    case ok
    /// Sessions go on, something needs a person.
    case degraded
    /// Logins are refused.
    case failing
  }

  package var state: State
  package var problems: [String]

  package init(state: State, problems: [String]) {
    self.state = state
    self.problems = problems
  }
}

/// Counts since the gateway started, summed over its event loops.
package struct GatewayStatistics: Hashable, Sendable {
  /// Client connections open now, handshakes included.
  package var openConnections: UInt64 = 0
  /// Sessions open now: let in and not ended.
  package var openSessions: UInt64 = 0
  package var acceptedSessions: UInt64 = 0
  package var refusedLogins: UInt64 = 0
  package var cancels: UInt64 = 0

  package init() {}
}
