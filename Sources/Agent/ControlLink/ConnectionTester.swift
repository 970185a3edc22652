/// Tries to enter a connection as one of its database roles, for `connections test`.
package protocol ConnectionTester: Sendable {
  /// Ends within a bounded time and never throws: a failure is an answer.
  func test(connection: String, role: String) async -> ConnectionTestAnswer
}

/// What came of a try.
package struct ConnectionTestAnswer: Hashable, Sendable {
  package var ok: Bool
  /// The server's version when it is well, else what failed and what to do about it.
  package var detail: String
  package var duration: Duration

  package init(ok: Bool, detail: String, duration: Duration) {
    self.ok = ok
    self.detail = detail
    self.duration = duration
  }
}

/// How an agent is, as it tells its control plane.
package struct AgentHealthReport: Hashable, Sendable {
  package enum State: String, Hashable, Sendable {
    case ok
    case degraded
    case failing
  }

  package var state: State
  /// One line for each thing that is wrong.
  package var problems: [String]
  package var openSessions: UInt64
  package var backlogRecords: UInt64

  package init(state: State, problems: [String], openSessions: UInt64, backlogRecords: UInt64) {
    self.state = state
    self.problems = problems
    self.openSessions = openSessions
    self.backlogRecords = backlogRecords
  }
}
