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
  /// Whether the gateway itself works: what lets nobody in is policy alone, which a restart would not
  /// mend and the open sessions would not survive.
  package var isWorking: Bool

  package init(state: State, problems: [String], isWorking: Bool) {
    self.state = state
    self.problems = problems
    self.isWorking = isWorking
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
