import AgentLink
internal import ControlCore
import Foundation
import GRPCCore
internal import GatewayModel
internal import Logging
import Metrics
import Telemetry

/// One open Attach stream: what comes from the agent is noted, what is new for it is sent.
struct Attachment: Sendable {
  typealias Message = Sallyport_Link_V1_AgentMessage
  typealias Command = Sallyport_Link_V1_ControlMessage

  let agent: EnrolledAgent
  let plane: ControlPlane
  let writer: RPCWriter<Command>
  let logger: Logger

  /// Sends each bundle that is newer than what the agent has, until the agent is removed.
  func sendBundles(after accepted: UInt64) async throws {
    let sentCounter = MetricName.controlBundlesSent.counter()
    var sent = accepted
    while true {
      try Task.checkCancellation()
      do {
        guard
          let bundle = try await plane.bundles.nextBundle(
            for: agent.id, segment: agent.segment, after: sent, within: LinkLimits.bundleWait)
        else { continue }
        try await writer.write(.with { $0.bundle.envelope = Data(bundle.envelope) })
        sent = bundle.version
        sentCounter.increment()
        logger.info("bundle sent", metadata: [LogKey.bundleVersion: "\(bundle.version)"])
      } catch let error as ControlError {
        guard error.code == .unavailable else { throw RPCError(error) }
        // The link outlives the database's absence: the agent goes on with what it has.
        try await Task.sleep(for: LinkLimits.databaseRetry)
      }
    }
  }

  /// Sends each command that `commands` yields.
  func sendCommands(_ commands: AsyncStream<ConnectionTestCommand>) async throws {
    for await command in commands {
      try await writer.write(
        .with {
          $0.testConnection.requestID = command.requestID
          $0.testConnection.connection = command.connection
          $0.testConnection.role = command.role
        })
    }
    try Task.checkCancellation()
  }

  /// Notes what the agent says. A report that the database cannot take is dropped: the next one
  /// says the same or more.
  func take(_ message: Message) async throws {
    do throws(ControlError) {
      switch message.message {
      case .hello(let hello): try await greet(hello)
      case .bundleVerdict(let verdict): try await judge(verdict)
      case .health(let health): try await report(health)
      case .testResult(let result):
        await plane.connectionTests.answer(
          from: agent.id, requestID: result.requestID,
          ConnectionTestAnswer(
            ok: result.ok, detail: String(result.detail.prefix(2000)),
            duration: .microseconds(Int64(clamping: result.durationMicroseconds))))
      case nil: break
      }
    } catch {
      guard error.code == .unavailable else { throw RPCError(error) }
      logger.debug("report dropped", metadata: [LogKey.error: "\(error)"])
    }
  }

  private func greet(_ hello: Sallyport_Link_V1_Hello) async throws(ControlError) {
    try await plane.agents.greeted(
      agent.id,
      AgentGreeting(
        version: hello.agentVersion, hostname: hello.hostname,
        acceptedBundleVersion: hello.acceptedBundleVersion,
        clientAddress: hello.clientAddress))
  }

  private func judge(_ verdict: Sallyport_Link_V1_BundleVerdict) async throws(ControlError) {
    let outcome = verdict.accepted ? "accepted" : "refused"
    MetricName.controlVerdicts.counter([(MetricName.Label.outcome, outcome)]).increment()
    try await plane.agents.judged(
      agent.id,
      BundleVerdictReport(
        version: verdict.version, accepted: verdict.accepted, reason: verdict.reason,
        detail: verdict.detail))
  }

  private func report(_ health: Sallyport_Link_V1_AgentHealth) async throws(ControlError) {
    try await plane.agents.reported(
      agent.id,
      AgentHealthReport(
        state: health.state, problems: health.problems, openSessions: health.openSessions,
        backlogRecords: health.backlogRecords,
        acceptedBundleVersion: health.acceptedBundleVersion))
  }
}
