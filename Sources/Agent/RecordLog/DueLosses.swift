import AuditLog
import Synchronization

/// What a start found missing, by lane, until the lane's log says it.
///
/// While a loss is due the run marker keeps the boot under which it happened: an agent that is
/// killed before the loss is recorded finds it again at its next start.
final class DueLosses: Sendable {
  private struct State {
    var losses: [UInt32: LossRecord]
    /// Whether the marker names this boot, or keeps an earlier one.
    var isNoted = false
  }

  private let marker: RunMarker
  private let state: Mutex<State>

  /// A disk without room for the marker is no reason not to start: nothing is let in until
  /// ``noteRun()`` has succeeded.
  init(_ losses: [UInt32: LossRecord], marker: RunMarker) throws(RecordLogError) {
    self.marker = marker
    state = Mutex(State(losses: losses))
    do throws(RecordLogError) { try noteRun() } catch {
      if error.code != .full { throw error }
    }
  }

  var lanes: [UInt32] { state.withLock { $0.losses.keys.sorted() } }

  func loss(of lane: UInt32) -> LossRecord? { state.withLock { $0.losses[lane] } }

  /// Notes on the medium that the log is open, where that is not noted yet; a lane takes no work
  /// before.
  func noteRun() throws(RecordLogError) {
    try state.withLock { state throws(RecordLogError) in
      if state.isNoted { return }
      try marker.set(keepingEarlier: !state.losses.isEmpty)
      state.isNoted = true
    }
  }

  /// To be called when the lane's `loss` is committed.
  func recorded(_ lane: UInt32) {
    state.withLock { state in
      guard state.losses.removeValue(forKey: lane) != nil, state.losses.isEmpty else { return }
      // A marker that keeps the old boot makes the next start record the loss once more: too much
      // said, never too little.
      try? marker.set(keepingEarlier: false)
    }
  }
}
