internal import GatewayModel
import Synchronization

/// Lets a bounded number of batches through at once, and of one agent at most a few, so that an
/// agent with an hour of backlog does not starve the others.
final class ShipmentGate: Sendable {
  private let total: Int
  private let perAgent: Int
  private let state = Mutex<(total: Int, byAgent: [AgentID: Int])>((0, [:]))

  init(total: Int = LinkLimits.shipments, perAgent: Int = LinkLimits.shipmentsPerAgent) {
    self.total = total
    self.perAgent = perAgent
  }

  /// False when there is no room now; true must be followed by ``leave(_:)``.
  func enter(_ agent: AgentID) -> Bool {
    state.withLock { state in
      let own = state.byAgent[agent, default: 0]
      guard state.total < total, own < perAgent else { return false }
      state.total += 1
      state.byAgent[agent] = own + 1
      return true
    }
  }

  func leave(_ agent: AgentID) {
    state.withLock { state in
      state.total -= 1
      let own = state.byAgent[agent, default: 1] - 1
      state.byAgent[agent] = own > 0 ? own : nil
    }
  }
}
