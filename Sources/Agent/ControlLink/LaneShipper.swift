internal import AgentLink
internal import AgentState
internal import Foundation
internal import GRPCCore
internal import GatewayModel
internal import RecordLog
internal import Telemetry

/// Ships one log over one connection.
struct LaneShipper: Sendable {
  /// What is to be done after an answer.
  enum Step: Equatable {
    case goOn(from: UInt64)
    case wait(Duration)
    /// The log and the control plane do not fit together; a person has to look.
    case stuck(String)
  }

  let shipper: RecordShipper
  let link: LinkClient.Link
  let log: LogID
  let cursor: UInt64

  /// Runs until the task is cancelled; whatever fails is tried again.
  func run() async {
    var cursor = cursor
    var kept = ContinuousClock.now
    var backoff = Backoff()
    while !Task.isCancelled {
      do {
        let next = try await shipOnce(from: cursor, &backoff)
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

  /// Ships one batch and returns where to go on.
  private func shipOnce(from cursor: UInt64, _ backoff: inout Backoff) async throws -> UInt64 {
    let reader = try shipper.recordLog.reader(for: log)
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
    let request = Sallyport_Link_V1_ShipRequest.with {
      $0.epoch = log.epoch
      $0.lane = log.lane
      $0.fromSeq = batch.fromSeq
      $0.records = batch.records
    }
    let answer = try await link.ship(request, options: options)
    let step = Self.step(
      after: answer, to: batch.fromSeq..<batch.nextSeq, held: reader.firstSeq...reader.endSeq)
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
    case .stuck(let problem):
      note("records of log \(log) are not shipped: \(problem)")
      try await Task.sleep(for: backoff.wait(random: .random(in: 0...1)))
      return from
    }
  }

  /// Judges an answer.
  ///
  /// - Parameters:
  ///   - sent: The seqs of the batch.
  ///   - held: The seqs that are on disk, its upper bound one behind the last.
  static func step(
    after answer: Sallyport_Link_V1_ShipResponse, to sent: Range<UInt64>,
    held: ClosedRange<UInt64>
  ) -> Step {
    switch answer.status {
    case .stored:
      guard answer.nextSeq == sent.upperBound else {
        return .stuck(
          "the control plane stored the records \(sent.lowerBound) to \(sent.upperBound - 1) but"
            + " goes on at \(answer.nextSeq): check that one control plane serves its database")
      }
      return .goOn(from: answer.nextSeq)
    case .wrongCursor:
      guard answer.nextSeq != sent.lowerBound else {
        return .stuck("the control plane refused records at the place it asked for them")
      }
      guard answer.nextSeq <= held.upperBound else {
        return .stuck(
          "the control plane has records up to \(answer.nextSeq) of a log that ends at"
            + " \(held.upperBound) here: the record log was restored or emptied; enrol the agent"
            + " again in an empty state folder")
      }
      guard answer.nextSeq >= held.lowerBound else {
        return .stuck(
          "the control plane wants records from \(answer.nextSeq) on, here they begin at"
            + " \(held.lowerBound): its database was restored from an older backup")
      }
      return .goOn(from: answer.nextSeq)
    case .retryLater:
      let milliseconds = min(60_000, max(10, answer.retryAfterMilliseconds))
      return .wait(.milliseconds(Int64(milliseconds)))
    case .quarantined:
      return .stuck(
        "the control plane has quarantined this agent: \(answer.reason); look at"
          + " `sallyport agents list`, then enrol the agent anew in an empty state folder")
    case .unspecified, .UNRECOGNIZED:
      return .stuck("the control plane's answer is of a newer version: upgrade the agent")
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
