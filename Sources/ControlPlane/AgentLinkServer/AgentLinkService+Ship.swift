import AgentLink
internal import ControlCore
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
    case .stored(let nextSeq):
      (response.status, response.nextSeq, status) = (.stored, nextSeq, "stored")
      recordsStored.increment(by: request.message.records.count)
      shipmentTimer.record(duration: ContinuousClock.now - start)
    case .wrongCursor(let nextSeq):
      (response.status, response.nextSeq, status) = (.wrongCursor, nextSeq, "wrong_cursor")
    case .retryLater(let delay):
      let milliseconds = Int64((delay / .milliseconds(1)).rounded(.up))
      response.status = .retryLater
      response.retryAfterMilliseconds = UInt32(clamping: milliseconds)
      status = "retry_later"
    }
    MetricName.controlShipments.counter([(MetricName.Label.status, status)]).increment()
    return ServerResponse(message: response)
  }

  private func store(
    _ request: Sallyport_Link_V1_ShipRequest, context: ServerContext
  ) async throws(RPCError) -> IngestAnswer {
    let agent = try await peer.admit(context)
    guard gate.enter(agent.id) else {
      return .retryLater(after: .milliseconds(Int.random(in: LinkLimits.retryWhenBusy)))
    }
    defer { gate.leave(agent.id) }
    do {
      return try await plane.audit.ingest(
        ShippedBatch(
          log: LogID(agent: agent.id, epoch: request.epoch, lane: request.lane),
          fromSeq: request.fromSeq, records: request.records, checkpoint: request.checkpoint))
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
    do {
      let renewed = try await plane.agents.renew(agent.id, csrPEM: request.message.csrPem)
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
