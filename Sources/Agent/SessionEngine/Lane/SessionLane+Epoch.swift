import AuditLog
internal import GatewayModel
internal import Logging
internal import RecordLog

/// Going on in a new epoch of the record log.
extension SessionLane {
  /// Lets the lane write in the present epoch of the record log; does nothing when it does so
  /// already. On the loop.
  ///
  /// The sessions end: their begin records are in the log that is given up.
  func enterEpoch(_ identity: WriterIdentity) throws(RecordLogError) {
    guard writer.log.epoch < commons.log.epoch else { return }
    // What waits for the medium waits for records of the log that is given up.
    dropUnsent()
    endSessions(
      .recordLogUnavailable,
      detail: "the record log begins a new epoch: its folder was restored or copied")
    // Their ends are in the old log, and come with the rest of it.
    if writer.hasPending { try? writer.commit() }
    writer = try commons.log.openWriter(lane: index, identity: identity, at: wallTime)
    commons.logger.warning(
      "the record log goes on in a new epoch",
      metadata: ["lane": "\(index)", "epoch": "\(writer.log.epoch)"])
    if let policy {
      append(BundleAppliedRecord(version: policy.version, hash: policy.hash), session: nil)
    }
  }

  /// Records a part of a log of an earlier epoch again. On the loop.
  func take(_ part: LogMove.Part) throws(RecordLogError) {
    // Else what a session has recorded in this turn would stand or fall with the part.
    closeTickEarly()
    // What the sessions recorded when they were told of the end of the tick.
    guard !writer.hasPending else {
      throw RecordLogError(
        code: .busy,
        message: "log \(writer.log) has records of its own to write first; try again")
    }
    try writer.take(part, at: wallTime)
  }
}
