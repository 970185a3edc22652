package import GatewayModel
import NIOCore
package import RecordLog
internal import SystemClock

/// Going on in a new epoch of the record log.
extension GatewayServer {
  /// Goes on in a new epoch of the record log, because the control plane has another history under
  /// the numbers of `log`: the folder was restored or copied.
  ///
  /// Sessions end. What this run recorded in `log` is recorded again in the new epoch, part by
  /// part, so that who comes in meanwhile is served in between. When it throws or is cancelled, the
  /// next call goes on where it was.
  ///
  /// - Parameter standings: What is known of the logs of each lane, `log` among them, for the new
  ///   epoch to cite.
  package func beginEpoch(
    after log: LogID, citing standings: [UInt32: LogStanding]
  ) async throws {
    try commons.log.beginEpoch(after: log, citing: standings, now: .now())
    let lanes = running.lanes
    guard let taker = lanes.first(where: { $0.index == log.lane }) ?? lanes.first else {
      throw GatewayError(code: .state, message: "the gateway does not run")
    }
    for lane in lanes {
      try await lane.loop.submit { [writerIdentity] in
        try lane.enterEpoch(writerIdentity)
      }.get()
    }
    let writer = try await taker.loop.submit { taker.writer.log }.get()
    guard let move = try commons.log.move(log, to: writer) else { return }
    while let part = try move.nextPart() {
      try await taker.loop.submit { try taker.take(part) }.get()
      try move.settle()
      try Task.checkCancellation()
    }
    try move.finish()
  }
}
