import AgentLink
internal import ControlCore
import Foundation
import GRPCCore
internal import GatewayModel
internal import Logging
import Metrics
import Telemetry

/// Records from agents, and certificates for them.
extension AgentLinkService {
  func ship(
    request: ServerRequest<Sallyport_Link_V1_ShipRequest>, context: ServerContext
  ) async throws -> ServerResponse<Sallyport_Link_V1_ShipResponse> {
    let start = ContinuousClock.now
    let answer: IngestAnswer
    do {
      answer = try await store(request.message, context: context)
    } catch {
      guard error.code == .unavailable else { throw error }
      answer = .retryLater(
        after: .milliseconds(Int.random(in: LinkLimits.retryWithoutDatabase)))
    }
    var response = Sallyport_Link_V1_ShipResponse()
    let status: String
    switch answer {
    case .stored(let nextSeq, let keepFrom):
      (response.status, response.nextSeq, status) = (.stored, nextSeq, "stored")
      response.keepFromSeq = keepFrom
      recordsStored.increment(by: request.message.records.count)
      shipmentTimer.record(duration: ContinuousClock.now - start)
    case .wrongCursor(let nextSeq, let checkpoint, let keepFrom):
      (response.status, response.nextSeq, status) = (.wrongCursor, nextSeq, "wrong_cursor")
      response.logCheckpoint = checkpoint
      response.keepFromSeq = keepFrom
    case .retryLater(let delay):
      let milliseconds = Int64((delay / .milliseconds(1)).rounded(.up))
      response.status = .retryLater
      response.retryAfterMilliseconds = UInt32(clamping: milliseconds)
      status = "retry_later"
    case .quarantined(let reason, let isNew):
      (response.status, response.reason, status) = (.quarantined, reason, "quarantined")
      if isNew { MetricName.controlQuarantines.counter().increment() }
    }
    MetricName.controlShipments.counter([(MetricName.Label.status, status)]).increment()
    await show(&response, knownSize: request.message.controlSize)
    return ServerResponse(message: response)
  }

  /// Shows the agent the control plane's own log, that it can witness it.
  ///
  /// Without it when it cannot be read now: the next answer has it.
  private func show(
    _ response: inout Sallyport_Link_V1_ShipResponse, knownSize: UInt64
  ) async {
    guard response.status != .retryLater else { return }
    do {
      guard let shown = try await plane.controlLog.witnessing(knownSize: knownSize) else { return }
      response.controlCheckpoint = Data(shown.checkpoint)
      response.controlConsistency = shown.consistency.map { Data($0.bytes) }
    } catch {
      logger.warning(
        "the control plane's checkpoint is not shown", metadata: [LogKey.error: "\(error)"])
    }
  }

  private func store(
    _ request: Sallyport_Link_V1_ShipRequest, context: ServerContext
  ) async throws(RPCError) -> IngestAnswer {
    let agent = try await peer.admit(context)
    let bytes = request.records.reduce(0) { $0 + $1.count }
    if case .comeAgain(let delay) = await gate.enter(agent.id, bytes: bytes) {
      return .retryLater(after: delay)
    }
    defer { gate.leave(agent.id, bytes: bytes) }
    do {
      return try await plane.audit.ingest(
        ShippedBatch(
          log: LogID(agent: agent.id, epoch: request.epoch, lane: request.lane),
          fromSeq: request.fromSeq, records: request.records, checkpoint: request.checkpoint,
          auditKey: agent.auditKey))
    } catch {
      logger.warning(
        "batch not stored",
        metadata: [
          LogKey.agent: "\(agent.id)", LogKey.epoch: "\(request.epoch)",
          LogKey.lane: "\(request.lane)", LogKey.sequence: "\(request.fromSeq)",
          LogKey.records: "\(request.records.count)", LogKey.error: "\(error)",
        ])
      throw RPCError(error)
    }
  }

  func renew(
    request: ServerRequest<Sallyport_Link_V1_RenewRequest>, context: ServerContext
  ) async throws -> ServerResponse<Sallyport_Link_V1_RenewResponse> {
    let agent = try await peer.admit(context)
    let generation = try LinkPeer.certificate(context).generation
    do {
      let renewed = try await plane.agents.renew(
        agent.id, csrPEM: request.message.csrPem, presenting: generation)
      return ServerResponse(
        message: .with {
          $0.certificateChainPem = renewed.chainPEM
          $0.authoritiesPem = renewed.authoritiesPEM
        })
    } catch {
      throw RPCError(error)
    }
  }
}
