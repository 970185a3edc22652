internal import GatewayModel
import Synchronization

/// Lets a bounded number of batches be stored at once; the others wait, and agents take turns.
///
/// - Of those that wait, the agent whose last turn is longest ago comes first, so that an agent with
///   an hour of backlog does not starve the others.
/// - What is under way or waits is bounded in bytes and in number. An agent that finds no room is
///   told to come again and has a claim meanwhile: room that becomes free is kept for claims in
///   their order, and for those without one there is only what is left.
final class ShipmentGate: Sendable {
  struct Limits: Sendable {
    /// Batches stored at once, of all agents and of one.
    var stored = LinkLimits.shipments
    var storedPerAgent = LinkLimits.shipmentsPerAgent
    /// Batches stored and waiting, of all agents and of one.
    var entries = LinkLimits.shipmentEntries
    var entriesPerAgent = LinkLimits.shipmentEntriesPerAgent
    /// Bytes of the batches stored and waiting; one batch is let in whatever its size.
    var bytes = LinkLimits.shipmentBytes
  }

  enum Admission: Sendable, Equatable {
    /// To be followed by ``leave(_:bytes:)``.
    case entered
    case comeAgain(after: Duration)
  }

  private struct Waiter {
    let ticket: UInt64
    let continuation: CheckedContinuation<Bool, Never>
  }

  private struct Claim {
    let agent: AgentID
    let bytes: Int
    var expiresAt: ContinuousClock.Instant
  }

  private struct State {
    var stored = 0
    var storedOf: [AgentID: Int] = [:]
    var entriesOf: [AgentID: Int] = [:]
    var entries = 0
    var bytes = 0
    var waiting: [AgentID: [Waiter]] = [:]
    /// The agents that wait, in the order of their turns.
    var turns: [AgentID] = []
    /// The oldest first.
    var claims: [Claim] = []
    var nextTicket: UInt64 = 0
  }

  private let limits: Limits
  private let state = Mutex(State())

  init(_ limits: Limits = Limits()) { self.limits = limits }

  /// How many wait for their turn.
  var waiting: Int { state.withLock { $0.waiting.values.reduce(0) { $0 + $1.count } } }

  /// Waits for the agent's turn.
  ///
  /// - Parameter bytes: Of the batch.
  func enter(
    _ agent: AgentID, bytes: Int, at now: ContinuousClock.Instant = .now
  ) async -> Admission {
    // nil: it has entered, and may have to wait for its turn.
    let (refused, ticket) = state.withLock { state -> (Duration?, UInt64?) in
      if let delay = refusal(of: agent, bytes, now, &state) { return (delay, nil) }
      state.entries += 1
      state.entriesOf[agent, default: 0] += 1
      state.bytes += bytes
      if hasTurn(agent, state) {
        begin(agent, &state)
        return (nil, nil)
      }
      state.nextTicket += 1
      return (nil, state.nextTicket)
    }
    if let refused { return .comeAgain(after: refused) }
    guard let ticket else { return .entered }
    let entered = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer = state.withLock { state -> Bool? in
          if Task.isCancelled { return false }
          // Somebody may have left since.
          if hasTurn(agent, state) {
            begin(agent, &state)
            return true
          }
          if state.waiting[agent] == nil { state.turns.append(agent) }
          state.waiting[agent, default: []].append(
            Waiter(ticket: ticket, continuation: continuation))
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      giveUp(agent, ticket)
    }
    guard !entered else { return .entered }
    state.withLock { remove(agent, bytes, &$0) }
    return .comeAgain(after: Self.delay(queue: 0, of: limits.stored))
  }

  /// Ends what ``enter(_:bytes:at:)`` let in.
  func leave(_ agent: AgentID, bytes: Int) {
    let next = state.withLock { state -> [Waiter] in
      state.stored -= 1
      let own = state.storedOf[agent, default: 1] - 1
      state.storedOf[agent] = own > 0 ? own : nil
      remove(agent, bytes, &state)
      return takeTurns(&state)
    }
    for waiter in next { waiter.continuation.resume(returning: true) }
  }

  private func giveUp(_ agent: AgentID, _ ticket: UInt64) {
    let waiter = state.withLock { state -> Waiter? in
      guard let index = state.waiting[agent]?.firstIndex(where: { $0.ticket == ticket }),
        let waiter = state.waiting[agent]?.remove(at: index)
      else { return nil }
      if state.waiting[agent]?.isEmpty == true {
        state.waiting[agent] = nil
        state.turns.removeAll { $0 == agent }
      }
      return waiter
    }
    waiter?.continuation.resume(returning: false)
  }

  /// How long a batch for which there is no room is told to stay away; `nil` when there is room.
  private func refusal(
    of agent: AgentID, _ bytes: Int, _ now: ContinuousClock.Instant, _ state: inout State
  ) -> Duration? {
    state.claims.removeAll { $0.expiresAt <= now }
    let place = state.claims.firstIndex { $0.agent == agent } ?? state.claims.count
    let delay = Self.delay(queue: state.entries + place, of: limits.stored)
    // For its own batches it has to wait, and needs no claim.
    guard state.entriesOf[agent, default: 0] < limits.entriesPerAgent else { return delay }
    let earlier = state.claims.prefix(place)
    let kept = earlier.reduce(0) { $0 + $1.bytes }
    let hasRoom =
      state.entries + earlier.count < limits.entries
      && (state.entries == 0 && earlier.isEmpty || state.bytes + kept + bytes <= limits.bytes)
    if place < state.claims.count {
      if hasRoom {
        state.claims.remove(at: place)
      } else {
        state.claims[place].expiresAt = now + delay * 2 + .seconds(1)
      }
    } else if !hasRoom, state.claims.count < LinkLimits.shipmentClaims {
      state.claims.append(
        Claim(agent: agent, bytes: bytes, expiresAt: now + delay * 2 + .seconds(1)))
    }
    return hasRoom ? nil : delay
  }

  /// Whether a batch can be stored now. Nobody waits then who could.
  private func hasTurn(_ agent: AgentID, _ state: State) -> Bool {
    state.stored < limits.stored && state.storedOf[agent, default: 0] < limits.storedPerAgent
  }

  private func begin(_ agent: AgentID, _ state: inout State) {
    state.stored += 1
    state.storedOf[agent, default: 0] += 1
  }

  private func remove(_ agent: AgentID, _ bytes: Int, _ state: inout State) {
    state.entries -= 1
    state.bytes -= bytes
    let own = state.entriesOf[agent, default: 1] - 1
    state.entriesOf[agent] = own > 0 ? own : nil
  }

  private func takeTurns(_ state: inout State) -> [Waiter] {
    var next: [Waiter] = []
    while let place = state.turns.firstIndex(where: { hasTurn($0, state) }) {
      let agent = state.turns.remove(at: place)
      guard var own = state.waiting[agent], !own.isEmpty else { continue }
      next.append(own.removeFirst())
      state.waiting[agent] = own.isEmpty ? nil : own
      if !own.isEmpty { state.turns.append(agent) }
      begin(agent, &state)
    }
    return next
  }

  /// Grows with the queue; with jitter, so that those who were refused at once do not come at once.
  private static func delay(queue: Int, of stored: Int) -> Duration {
    let turns = min(100, 1 + queue / max(1, stored))
    return .milliseconds(100 * turns) * Double.random(in: 0.75...1.5)
  }
}
