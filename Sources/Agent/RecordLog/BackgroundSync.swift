import Dispatch
import Synchronization

/// Syncs the lanes of a folder to the medium on one queue, at most once an interval, and measures
/// the disk about each second.
final class BackgroundSync: Sendable {
  private let queue = DispatchQueue(label: "sallyport.record-log.sync")
  private let interval: Duration
  private let folder: LogFolder
  private let isScheduled = Atomic<Bool>(false)
  private let isStopped = Atomic<Bool>(false)
  private let lanes = Mutex<[LaneState]>([])

  init(folder: LogFolder) {
    self.folder = folder
    interval = folder.configuration.syncInterval
    scheduleMeasure()
  }

  func add(_ lane: LaneState) { lanes.withLock { $0.append(lane) } }

  /// Asks for a sync; called after every commit, does nothing while one is due.
  func request() {
    guard !isScheduled.exchange(true, ordering: .acquiringAndReleasing) else { return }
    queue.asyncAfter(deadline: .now() + interval.dispatchInterval) { [weak self] in
      guard let self else { return }
      // Before the sync, so that a commit during it asks for the next one.
      isScheduled.store(false, ordering: .releasing)
      guard !isStopped.load(ordering: .acquiring) else { return }
      for lane in lanes.withLock({ $0 }) { lane.synchronize() }
    }
  }

  /// Returns when no sync runs any more, and lets none begin.
  func stop() {
    isStopped.store(true, ordering: .releasing)
    queue.sync {}
  }

  private func scheduleMeasure() {
    queue.asyncAfter(deadline: .now() + .seconds(1)) { [weak self] in
      guard let self, !isStopped.load(ordering: .acquiring) else { return }
      folder.measure()
      scheduleMeasure()
    }
  }
}

extension Duration {
  fileprivate var dispatchInterval: DispatchTimeInterval {
    let (seconds, attoseconds) = components
    return .nanoseconds(
      Int(clamping: seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue)
        + Int(attoseconds / 1_000_000_000))
  }
}
