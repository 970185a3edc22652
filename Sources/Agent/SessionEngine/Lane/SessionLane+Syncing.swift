import NIOCore
internal import RecordLog

/// Syncs that power-safe sessions wait for: group commits, since one covers the records of all
/// sessions of the lane.
extension SessionLane {
  /// Tells a session (``Session/synced(below:)``) when what was recorded so far is on the medium.
  /// To be called behind the commit of the tick.
  func awaitSync(_ session: Session) {
    guard !session.isAwaitingSync else { return }
    session.isAwaitingSync = true
    awaitingSync.append(session)
    beginSync()
  }

  private func beginSync() {
    guard !isSyncing, !awaitingSync.isEmpty else { return }
    isSyncing = true
    let log = writer.log
    writer.whenSynced(writer.nextSeq) { result in
      // The numbers of an earlier epoch say nothing of this one's records.
      self.loop.execute { self.syncEnded(log == self.writer.log ? result : .success(0)) }
    }
  }

  private func syncEnded(_ result: Result<UInt64, RecordLogError>) {
    isSyncing = false
    let waiting = awaitingSync
    awaitingSync = []
    switch result {
    case .success(let synced):
      // Who came while it ran asks again at the end of the tick.
      for session in waiting { session.synced(below: synced) }
    case .failure(let error):
      for session in waiting { session.isAwaitingSync = false }
      writer.noticeSyncFailure()
      logFailed(error)
      for session in waiting { session.endIfDone() }
    }
  }
}
