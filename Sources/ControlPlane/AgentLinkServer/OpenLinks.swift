internal import GatewayModel
import Metrics
import Synchronization
import Telemetry

/// Why this side ends a link.
enum LinkEnd: Sendable, Equatable {
  /// The replica shuts down.
  case shutdown
  /// The agent attached again.
  case replaced
}

/// The links that are open at this replica, so that each can be ended from outside.
final class OpenLinks: Sendable {
  private struct Link {
    let serial: UInt64
    let end: AsyncStream<LinkEnd>.Continuation
  }

  private struct State {
    var links: [AgentID: Link] = [:]
    var nextSerial: UInt64 = 0
    var isShutDown = false
  }

  private let state = Mutex(State())
  private let gauge = MetricName.controlAgentsAttached.gauge()

  /// Registers a link, and ends an older one of the same agent.
  ///
  /// - Returns: its number, and the stream that says when to end: it gives one value.
  func open(_ agent: AgentID) -> (serial: UInt64, ends: AsyncStream<LinkEnd>) {
    let (ends, end) = AsyncStream<LinkEnd>.makeStream(bufferingPolicy: .bufferingOldest(1))
    let serial = state.withLock { state in
      state.nextSerial += 1
      state.links[agent]?.end.yield(.replaced)
      if state.isShutDown { end.yield(.shutdown) }
      state.links[agent] = Link(serial: state.nextSerial, end: end)
      gauge.set(state.links.count)
      return state.nextSerial
    }
    return (serial, ends)
  }

  /// Forgets a link, unless a later one of the agent took its place.
  func close(_ agent: AgentID, serial: UInt64) {
    state.withLock { state in
      guard state.links[agent]?.serial == serial else { return }
      state.links[agent] = nil
      gauge.set(state.links.count)
    }
  }

  /// Ends all links, and every later one at once.
  func shutDown() {
    state.withLock { state in
      state.isShutDown = true
      for link in state.links.values { link.end.yield(.shutdown) }
    }
  }
}
