internal import AgentLink
internal import AgentState
internal import AuditLog
internal import Foundation
internal import GRPCCore
internal import GatewayModel
internal import RecordLog
internal import Telemetry

/// Ships one log over one connection.
struct LaneShipper: Sendable {
  let shipper: RecordShipper
  let link: LinkClient.Link
  let log: LogID
  let reader: LaneReader
  let cursor: UInt64

  /// Runs until the task is cancelled; whatever fails is tried again.
  func run() async {
    var cursor = cursor
    var kept = ContinuousClock.now
    var backoff = Backoff()
    while !Task.isCancelled {
      do {
        guard let next = try await shipOnce(from: cursor, &backoff) else { return note(nil) }
        guard next != cursor else { continue }
        cursor = next
        if ContinuousClock.now - kept > RecordShipper.keepInterval {
          try await keep(cursor)
          kept = .now
        }
      } catch is CancellationError {
        break
      } catch {
        guard !Task.isCancelled else { break }
        note("records of log \(log) are not shipped: \(FailureText.describe(error))")
        try? await Task.sleep(for: backoff.wait(random: .random(in: 0...1)))
      }
    }
    // Best effort: an old cursor costs one answer of the control plane.
    let last = cursor
    await Task { try? await keep(last) }.value
  }

  /// Ships one batch and returns where to go on; `nil` when the log is given up for another epoch.
  private func shipOnce(from cursor: UInt64, _ backoff: inout Backoff) async throws -> UInt64? {
    let from = max(cursor, reader.firstSeq)
    var batch = try await reader.nextBatch(
      from: from, maximumRecords: RecordShipper.maximumBatchRecords,
      maximumBytes: RecordShipper.maximumBatchBytes)
    if batch.records.count < RecordShipper.maximumBatchRecords / 4 {
      try await Task.sleep(for: RecordShipper.gather)
      batch = try reader.batch(
        from: from, maximumRecords: RecordShipper.maximumBatchRecords,
        maximumBytes: RecordShipper.maximumBatchBytes)
    }
    guard !batch.records.isEmpty else { return from }
    var options = CallOptions.defaults
    options.timeout = RecordShipper.callDeadline
    options.maxRequestMessageBytes = LinkTransport.maximumMessageBytes
    let checkpoint = try shipper.signer.sign(log, batch.frontier)
    let claim = shipper.witness.claim()
    let request = Sallyport_Link_V1_ShipRequest.with {
      $0.epoch = log.epoch
      $0.lane = log.lane
      $0.fromSeq = batch.fromSeq
      $0.records = batch.records
      $0.checkpoint = checkpoint
      $0.controlSize = claim.size
    }
    let answer = try await link.ship(request, options: options)
    await shipper.witness.judge(answer, against: claim)
    let step = ShippingStep(
      after: answer, to: batch.fromSeq..<batch.nextSeq, held: reader.firstSeq...reader.endSeq,
      stored: shipper.signer.own(answer.logCheckpoint),
      rootHere: { try? reader.frontier(of: $0).root })
    count(answer, batch)
    switch step {
    case .goOn(let next):
      try reader.acknowledge(before: next)
      backoff.reset()
      note(nil)
      return next
    case .wait(let delay):
      try await Task.sleep(for: delay * (1 + 0.25 * Double.random(in: 0...1)))
      return from
    case .beginEpoch(let head):
      note(
        "the control plane has \(head.size) records of log \(log) that are not those here: its"
          + " folder was restored or copied, so the agent goes on in a new epoch")
      try await shipper.beginEpoch(log, head)
      return nil
    case .stuck(let problem):
      note("records of log \(log) are not shipped: \(problem)")
      try await Task.sleep(for: backoff.wait(random: .random(in: 0...1)))
      return from
    }
  }

  private func count(_ answer: Sallyport_Link_V1_ShipResponse, _ batch: RecordBatch) {
    let status =
      switch answer.status {
      case .stored: "stored"
      case .wrongCursor: "wrong_cursor"
      case .retryLater: "retry_later"
      case .quarantined: "quarantined"
      case .unspecified, .UNRECOGNIZED: "unknown"
      }
    MetricName.agentShipments.counter([(MetricName.Label.status, status)]).increment()
    if answer.status == .stored {
      MetricName.agentShippedRecords.counter().increment(by: batch.records.count)
    }
  }

  private func keep(_ cursor: UInt64) async throws {
    try await shipper.state.moveCursor(
      ShippingCursor(epoch: log.epoch, lane: log.lane, nextSeq: cursor))
  }

  private func note(_ problem: String?) {
    guard shipper.status.shipping(log, problem: problem), let problem else { return }
    shipper.logger.warning(
      "shipping delayed",
      metadata: [
        LogKey.epoch: "\(log.epoch)", LogKey.lane: "\(log.lane)", LogKey.error: "\(problem)",
      ])
  }
}
