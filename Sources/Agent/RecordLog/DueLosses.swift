import AuditLog
import Synchronization

/// What a start found missing, by lane, until the lane's log says it.
///
/// While a loss is due the run marker keeps the boot under which it happened: an agent that is
/// killed before the loss is recorded finds it again at its next start.
final class DueLosses: Sendable {
  private let marker: RunMarker
  private let losses: Mutex<[UInt32: LossRecord]>

  init(_ losses: [UInt32: LossRecord], marker: RunMarker) throws(RecordLogError) {
    self.marker = marker
    self.losses = Mutex(losses)
    if losses.isEmpty { try marker.set() }
  }

  var lanes: [UInt32] { losses.withLock { $0.keys.sorted() } }

  func loss(of lane: UInt32) -> LossRecord? { losses.withLock { $0[lane] } }

  /// To be called when the lane's `loss` is committed.
  func recorded(_ lane: UInt32) {
    let wasLast = losses.withLock { $0.removeValue(forKey: lane) != nil && $0.isEmpty }
    // A marker that keeps the old boot makes the next start record the loss once more: too much
    // said, never too little.
    if wasLast { try? marker.set() }
  }
}
