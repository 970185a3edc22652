internal import AgentLink
internal import AgentState
internal import GRPCCore
internal import GatewayModel
internal import Logging
internal import RecordLog
internal import Telemetry

/// Ships every log of the agent to the control plane, each record once and in order.
///
/// One batch of a log is under way at a time, and only one is held in memory. That nothing is
/// stored twice is the control plane's cursor, which moves in the transaction that stores; the
/// cursor kept here only saves asking.
struct RecordShipper: Sendable {
  static let maximumBatchRecords = 4_096
  static let maximumBatchBytes = 1 << 20
  /// How long a quiet log gathers records before they go; well under the two seconds within which
  /// a statement must be found.
  static let gather = Duration.milliseconds(100)
  static let callDeadline = Duration.seconds(30)
  /// How often new logs are looked for.
  static let rescan = Duration.seconds(1)
  /// How often a moving cursor is kept.
  static let keepInterval = Duration.seconds(1)

  let recordLog: RecordLogDirectory
  let state: AgentState
  let signer: CheckpointSigner
  let witness: ControlWitness
  /// Gives a log up for a new epoch, in which each lane cites what is known of its log.
  let beginEpoch: @Sendable (LogID, [UInt32: LogStanding]) async throws -> Void
  let status: LinkStatus
  let logger: Logger

  /// Runs until it is cancelled.
  func run(_ link: LinkClient.Link) async throws {
    let kept = try await state.shippingCursors()
    try await withThrowingDiscardingTaskGroup { group in
      var known: Set<LogID> = []
      while true {
        for log in recordLog.logs() where known.insert(log).inserted {
          let cursor = kept.first { $0.epoch == log.epoch && $0.lane == log.lane }
          let reader = try recordLog.reader(for: log)
          group.addTask {
            let lane = LaneShipper(
              shipper: self, link: link, log: log, reader: reader, cursor: cursor?.nextSeq ?? 0)
            await lane.run()
          }
        }
        try await Task.sleep(for: Self.rescan)
      }
    }
  }
}
