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
  private let held = HeldPolicy()

  /// What the agent was sent, or said that it has.
  private struct Sent {
    var versions: HeldPolicy.Versions
    /// When the next lease is due.
    var leaseDue = ContinuousClock.now
  }

  init(
    agent: EnrolledAgent, plane: ControlPlane, writer: RPCWriter<Command>, logger: Logger
  ) {
    self.agent = agent
    self.plane = plane
    self.writer = writer
    self.logger = logger
  }

  /// Sends each root document and bundle that is newer than what the agent has, and leases, until
  /// the agent is removed or locked.
  func sendPolicy(after accepted: HeldPolicy.Versions) async throws {
    held.greet(accepted)
    var sent = Sent(versions: accepted)
    while true {
      try Task.checkCancellation()
      do {
        try await sendNext(&sent)
      } catch let error as ControlError {
        guard error.code == .unavailable else { throw RPCError(error) }
        // The link outlives the database's absence: the agent goes on with what it has.
        try await Task.sleep(for: LinkLimits.databaseRetry)
      }
    }
  }

  /// Waits until there is something to send, for a while, and sends it.
  ///
  /// Root documents come before what is signed under them, and a lease right after the bundle that
  /// it is of. What the agent has refused is sent again when the next lease is due, and not sooner:
  /// what was wrong may have passed by then, such as a full disk or a clock that was off.
  private func sendNext(_ sent: inout Sent) async throws {
    try await sendRoots(&sent)
    let wait = min(LinkLimits.bundleWait, max(.zero, sent.leaseDue - .now))
    if let bundle = try await plane.bundles.nextBundle(
      for: agent.id, segment: agent.segment, after: sent.versions.bundle, within: wait)
    {
      try await sendRoots(&sent)
      try await writer.write(.with { $0.bundle.envelope = Data(bundle.envelope) })
      sent.versions.bundle = bundle.version
      MetricName.controlBundlesSent.counter().increment()
      logger.info("bundle sent", metadata: [LogKey.bundleVersion: "\(bundle.version)"])
      try await sendLease(of: bundle, &sent)
    } else if sent.leaseDue <= .now {
      if let versions = held.takeRefusal() {
        sent.versions = versions
        return
      }
      try await sendLease(
        of: try await plane.bundles.currentBundle(segment: agent.segment), &sent)
    }
  }

  private func sendRoots(_ sent: inout Sent) async throws {
    let envelopes = plane.keys.signing.envelopes(after: sent.versions.root)
    guard !envelopes.isEmpty else { return }
    try await writer.write(.with { $0.root.envelopes = envelopes.map { Data($0) } })
    // The chain has no gaps, and one of an agent that is ahead is not in it.
    sent.versions.root = max(sent.versions.root, plane.keys.signing.rootVersion)
    logger.info("root documents sent", metadata: ["root": "\(sent.versions.root)"])
  }

  private func sendLease(of bundle: IssuedBundle, _ sent: inout Sent) async throws {
    let lease = try plane.bundles.lease(of: bundle)
    // Another replica's may have come in since the last look, and have signed the lease.
    try await sendRoots(&sent)
    try await writer.write(.with { $0.lease.envelope = Data(lease) })
    sent.leaseDue = .now + plane.bundles.leaseInterval
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
    held.take(verdict.document, version: verdict.version, accepted: verdict.accepted)
    try await plane.agents.judged(
      agent.id,
      BundleVerdictReport(
        // A document of a newer agent is shown as a bundle rather than not at all.
        JudgedDocument(rawValue: verdict.document) ?? .bundle, version: verdict.version,
        accepted: verdict.accepted, reason: verdict.reason,
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
