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
    var isKnown = false
    while !Task.isCancelled {
      do {
        let outcome = try await isKnown ? shipOnce(from: cursor, &backoff) : ask(cursor, &backoff)
        guard case .goOn(let next) = outcome else {
          if case .givenUp = outcome { return note(nil) }
          continue
        }
        isKnown = true
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

  private enum Outcome {
    case goOn(from: UInt64)
    /// The same again.
    case again
    /// The log is given up for one of another epoch.
    case givenUp
  }

  /// Ships one batch.
  private func shipOnce(from cursor: UInt64, _ backoff: inout Backoff) async throws -> Outcome {
    // Nothing is read and hashed for nothing, where that is known.
    guard shipper.recordLog.mayShip(log) else {
      try await Task.sleep(for: backoff.wait(random: .random(in: 0...1)))
      return .again
    }
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
    guard !batch.records.isEmpty else { return .again }
    // A new epoch may have begun meanwhile.
    guard shipper.recordLog.mayShip(log) else {
      try await Task.sleep(for: RecordShipper.gather)
      return .again
    }
    let answer = try await send(batch)
    count(answer, batch)
    let step = ShippingStep(
      after: answer, to: batch.fromSeq..<batch.nextSeq, held: reader.firstSeq...reader.endSeq,
      stored: shipper.signer.own(answer.logCheckpoint),
      rootHere: { try? reader.frontier(of: $0).root })
    return try await act(on: step, keepingFrom: answer.keepFromSeq, &backoff)
  }

  /// Asks where the log is to go on, before anything of it is sent: if the folder was restored or
  /// copied, what it has behind that state must not be signed under numbers that are taken.
  private func ask(_ cursor: UInt64, _ backoff: inout Backoff) async throws -> Outcome {
    let (step, keepFrom) = try await question(log, reader, at: cursor)
    return try await act(on: step, keepingFrom: keepFrom, &backoff)
  }

  /// Asks where a log is to go on.
  private func question(
    _ log: LogID, _ reader: LaneReader, at cursor: UInt64
  ) async throws -> (step: ShippingStep, keepFrom: UInt64) {
    let from = min(max(cursor, reader.firstSeq), reader.endSeq)
    let answer = try await send(
      try reader.batch(from: from, maximumRecords: 0, maximumBytes: 0))
    let step = ShippingStep(
      afterAsking: answer, held: reader.firstSeq...reader.endSeq,
      stored: shipper.signer.own(answer.logCheckpoint),
      rootHere: { try? reader.frontier(of: $0).root })
    return (step, answer.keepFromSeq)
  }

  /// What is known of the logs of every lane, for the epoch that follows to cite.
  ///
  /// Each is asked about: nothing was agreed on yet when all of them ask at once, and the first
  /// that is answered begins the epoch.
  ///
  /// - Returns: `nil` when the control plane is busy, after the time that it asked for.
  private func standings(given head: LogHead) async throws -> [UInt32: LogStanding]? {
    var standings = [log.lane: LogStanding.other(head)]
    // Otherwise the epoch that follows is there already.
    guard log.epoch == shipper.recordLog.epoch else { return standings }
    for other in shipper.recordLog.logs() where other.epoch == log.epoch && other != log {
      let reader = try shipper.recordLog.reader(for: other)
      switch try await question(other, reader, at: reader.acknowledgedSeq).step {
      case .beginEpoch(let head): standings[other.lane] = .other(head)
      case .goOn, .resume: standings[other.lane] = .agreed
      case .wait(let delay):
        try await Task.sleep(for: delay)
        return nil
      // It is said by the shipper of that log.
      case .stuck: continue
      }
    }
    return standings
  }

  private func send(_ batch: RecordBatch) async throws -> Sallyport_Link_V1_ShipResponse {
    var options = CallOptions.defaults
    options.timeout = RecordShipper.callDeadline
    options.maxRequestMessageBytes = LinkTransport.maximumMessageBytes
    let checkpoint = try shipper.signer.sign(batch.log, batch.frontier)
    let claim = shipper.witness.claim()
    let request = Sallyport_Link_V1_ShipRequest.with {
      $0.epoch = batch.log.epoch
      $0.lane = batch.log.lane
      $0.fromSeq = batch.fromSeq
      $0.records = batch.records
      $0.checkpoint = checkpoint
      $0.controlSize = claim.size
    }
    let answer = try await link.ship(request, options: options)
    await shipper.witness.judge(answer, against: claim)
    return answer
  }

  private func act(
    on step: ShippingStep, keepingFrom keepFrom: UInt64, _ backoff: inout Backoff
  ) async throws -> Outcome {
    switch step {
    case .goOn(let next):
      try reader.acknowledge(before: next, keepingFrom: keepFrom)
      backoff.reset()
      note(nil)
      return .goOn(from: next)
    case .resume(let next):
      try reader.resume(at: next)
      backoff.reset()
      note(nil)
      return .goOn(from: next)
    case .wait(let delay):
      try await Task.sleep(for: delay * (1 + 0.25 * Double.random(in: 0...1)))
    case .beginEpoch(let head):
      note(
        "the control plane has \(head.size) records of log \(log) that are not those here: its"
          + " folder was restored or copied, so the agent goes on in a new epoch")
      guard let standings = try await standings(given: head) else { break }
      try await shipper.beginEpoch(log, standings)
      return .givenUp
    case .stuck(let problem):
      note("records of log \(log) are not shipped: \(problem)")
      try await Task.sleep(for: backoff.wait(random: .random(in: 0...1)))
    }
    return .again
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
