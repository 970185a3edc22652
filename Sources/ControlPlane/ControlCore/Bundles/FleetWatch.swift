internal import GatewayModel

/// What this replica knows of the newest bundles and of removed agents, and who waits for news.
///
/// As many wait as links are open at this replica, each once.
actor FleetWatch {
  private struct Waiter {
    var segment: String
    var seen: UInt64
    var agent: AgentID
    var continuation: CheckedContinuation<Bool, Never>
  }

  private let surroundings: Surroundings
  private var versions: [String: UInt64] = [:]
  private var removed: Set<AgentID> = []
  private var locked: Set<AgentID> = []
  private var waiters: [UInt64: Waiter] = [:]
  private var nextTicket: UInt64 = 0

  init(surroundings: Surroundings) { self.surroundings = surroundings }

  /// The newest version that is known here; 0 for none.
  func version(of segment: String) -> UInt64 { versions[segment] ?? 0 }

  func isRemoved(_ agent: AgentID) -> Bool { removed.contains(agent) }

  func isLocked(_ agent: AgentID) -> Bool { locked.contains(agent) }

  private func isOut(_ agent: AgentID) -> Bool { isRemoved(agent) || isLocked(agent) }

  /// Takes what the store says.
  func update(_ state: FleetState) {
    // A poll may have read before an issue that is known here already.
    for (segment, version) in state.versions {
      versions[segment] = max(versions[segment] ?? 0, version)
    }
    removed = state.removedAgents
    locked = state.lockedAgents
    wake()
  }

  /// Takes a bundle that this replica issued.
  func issued(segment: String, version: UInt64) {
    versions[segment] = max(versions[segment] ?? 0, version)
    wake()
  }

  /// Waits for another version than `seen`, or the removal or lock of the agent.
  ///
  /// - Returns: false when the deadline passed, or the task was cancelled.
  func wait(segment: String, seen: UInt64, agent: AgentID, within deadline: Duration) async -> Bool
  {
    if version(of: segment) != seen || isOut(agent) { return true }
    nextTicket += 1
    let ticket = nextTicket
    let timer = Task { [surroundings] in
      try? await surroundings.sleep(deadline)
      self.end(ticket)
    }
    defer { timer.cancel() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if Task.isCancelled {
          continuation.resume(returning: false)
        } else {
          waiters[ticket] = Waiter(
            segment: segment, seen: seen, agent: agent, continuation: continuation)
        }
      }
    } onCancel: {
      timer.cancel()
    }
  }

  private func end(_ ticket: UInt64) {
    waiters.removeValue(forKey: ticket)?.continuation.resume(returning: false)
  }

  private func wake() {
    for (ticket, waiter) in waiters
    where version(of: waiter.segment) != waiter.seen || isOut(waiter.agent) {
      waiters[ticket] = nil
      waiter.continuation.resume(returning: true)
    }
  }
}
