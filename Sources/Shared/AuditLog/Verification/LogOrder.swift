import GatewayModel

/// The order in which an export has its logs: each agent's lane once, its epochs descending.
struct LogOrder {
  private struct Lane: Hashable {
    var agent: AgentID
    var lane: UInt32
  }

  private var seen: Set<Lane> = []
  private var last: LogID?

  /// Takes the next log.
  ///
  /// - Returns: `false` when it cannot stand here.
  mutating func take(_ log: LogID) -> Bool {
    defer { last = log }
    if let last, last.agent == log.agent, last.lane == log.lane { return log.epoch < last.epoch }
    return seen.insert(Lane(agent: log.agent, lane: log.lane)).inserted
  }
}

/// When the first record of each agent arrived.
struct FirstArrivals {
  /// Microseconds since 1970.
  private var first: [AgentID: Int64] = [:]
  /// Those whose first records are not there.
  private var cut: Set<AgentID> = []

  /// Takes a log that begins with the record `from`, which arrived then.
  mutating func take(_ agent: AgentID, from: UInt64, received: Int64?) {
    if from > 0 { cut.insert(agent) }
    if let received { first[agent] = min(first[agent] ?? received, received) }
  }

  /// The agents all of whose logs are there from their beginning, and began at or after a time.
  func agents(since time: WallTime) -> [AgentID] {
    first.filter { !cut.contains($0.key) && $0.value >= time.microseconds }.map(\.key)
  }
}
