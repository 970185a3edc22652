import AuditLog
internal import GatewayModel
import NIOCore
internal import RecordLog

/// An idle log says that it lives: the signed checkpoint that follows a record says then up to when
/// there was nothing to record.
extension SessionLane {
  /// Looks at each interval whether anything was recorded in it, and else records a heartbeat; on
  /// the loop.
  func watchIdleness() {
    let seen = writer.nextSeq
    let interval = TimeAmount(commons.configuration.limits.heartbeatInterval)
    loop.scheduleTask(in: interval) { [weak self] in
      guard let self, !isLogClosed else { return }
      if writer.nextSeq == seen { beat() }
      watchIdleness()
    }
  }

  private func beat() {
    // The last of the room is for what happens.
    guard takesSessions else { return }
    append(
      HeartbeatRecord(
        openSessions: UInt64(sessionCount), backlogRecords: commons.log.health.backlogRecords),
      session: nil)
  }
}
