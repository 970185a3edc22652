internal import GatewayModel
internal import Synchronization

/// How many refusals are recorded one by one, so that nobody can fill the log by asking.
///
/// At most ``perSecond`` in a second; the next recorded one says how many were left out.
final class RefusalAllowance: Sendable {
  static let perSecond = 5

  private struct State {
    var second: Int64 = .min
    var taken = 0
    var leftOut = 0
  }

  private let state = Mutex(State())

  /// - Returns: how many were left out since the last that was recorded; `nil` when this one is
  ///   left out too.
  func take(at time: WallTime) -> Int? {
    let second = time.unixNanoseconds / 1_000_000_000
    return state.withLock { state in
      if state.second != second { (state.second, state.taken) = (second, 0) }
      guard state.taken < Self.perSecond else {
        state.leftOut &+= 1
        return nil
      }
      state.taken += 1
      defer { state.leftOut = 0 }
      return state.leftOut
    }
  }

  /// How many were left out and not told yet; they count as told from here on.
  func takeLeftOut() -> Int {
    state.withLock { state in
      defer { state.leftOut = 0 }
      return state.leftOut
    }
  }

  /// Takes back what could not be recorded.
  func giveBack(_ count: Int) { state.withLock { $0.leftOut &+= count } }
}
