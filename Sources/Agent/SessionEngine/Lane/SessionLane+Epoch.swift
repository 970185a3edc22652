import AuditLog
internal import GatewayModel
internal import Logging
internal import RecordLog

/// Going on in a new epoch of the record log.
extension SessionLane {
  /// Writes what this run recorded in a log of an earlier epoch again, in the present one, which the
  /// lane enters first if it has not.
  ///
  /// The sessions end: their begin records are in the log that is given up. On the loop.
  func take(_ log: LogID, identity: WriterIdentity) throws(RecordLogError) {
    if writer.log.epoch < commons.log.epoch { try enterEpoch(identity) }
    try commons.log.move(log, to: writer, at: wallTime)
  }

  private func enterEpoch(_ identity: WriterIdentity) throws(RecordLogError) {
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
}
