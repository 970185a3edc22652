import AgentLink
internal import ControlCore
import GRPCCore
internal import GatewayModel
internal import Logging
import Metrics
import Telemetry

/// The calls of the agent link, each by an agent that its certificate names.
struct AgentLinkService: Sallyport_Link_V1_AgentLink.ServiceProtocol {
  let plane: ControlPlane
  let links: OpenLinks
  let gate = ShipmentGate()
  let now: @Sendable () -> WallTime
  let logger: Logger
  let recordsStored = MetricName.controlRecordsStored.counter()
  let shipmentTimer = MetricName.controlShipmentSeconds.timer()

  init(
    plane: ControlPlane, links: OpenLinks, now: @escaping @Sendable () -> WallTime, logger: Logger
  ) {
    self.plane = plane
    self.links = links
    self.now = now
    self.logger = logger
  }

  var peer: LinkPeer {
    LinkPeer(organisation: plane.settings.organisation, agents: plane.agents)
  }

  /// Refuses before the stream begins, so that a refused agent never takes itself for attached.
  func attach(
    request: StreamingServerRequest<Attachment.Message>, context: ServerContext
  ) async throws -> StreamingServerResponse<Attachment.Command> {
    let agent = try await peer.admit(context)
    return StreamingServerResponse { writer in
      try await serve(agent, request: request.messages, response: writer, context: context)
      return [:]
    }
  }

  private func serve(
    _ agent: EnrolledAgent, request: RPCAsyncSequence<Attachment.Message, any Error>,
    response: RPCWriter<Attachment.Command>, context: ServerContext
  ) async throws {
    var logger = logger
    logger[metadataKey: LogKey.agent] = "\(agent.id)"
    logger[metadataKey: LogKey.segment] = "\(agent.segment)"
    let attachment = Attachment(agent: agent, plane: plane, writer: response, logger: logger)

    let (commands, queue) = AsyncStream<ConnectionTestCommand>.makeStream(
      bufferingPolicy: .bufferingOldest(LinkLimits.commands))
    let (serial, ends) = links.open(agent.id)
    let attachedAt = now()
    let registration = await plane.connectionTests.attach(agent.id) { command in
      if case .enqueued = queue.yield(command) { true } else { false }
    }
    logger.info("agent attached", metadata: [LogKey.address: "\(context.remotePeer)"])
    let result: Result<Void, any Error>
    do {
      try await run(
        attachment, request: request, commands: commands, ends: ends, cancellation: context)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    queue.finish()
    links.close(agent.id, serial: serial)
    await plane.connectionTests.detach(registration)
    // In a task of its own, so that it is noted also when this one was cancelled.
    await Task { [plane] in
      try? await plane.agents.detached(agent.id, attachedAt: attachedAt)
    }.value
    logger.info("agent detached", metadata: [LogKey.reason: "\(EndOfLink.reason(result))"])
    if case .failure(let error) = result, !(error is CancellationError) { throw error }
  }

  /// Runs the parts of a stream until the first of them ends.
  private func run(
    _ attachment: Attachment, request: RPCAsyncSequence<Attachment.Message, any Error>,
    commands: AsyncStream<ConnectionTestCommand>, ends: AsyncStream<LinkEnd>,
    cancellation context: ServerContext
  ) async throws {
    let (hellos, hello) = AsyncStream<HeldPolicy.Versions>.makeStream(
      bufferingPolicy: .bufferingOldest(1))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        var isFirst = true
        for try await message in request {
          if isFirst {
            guard case .hello(let first) = message.message else {
              throw RPCError(
                code: .invalidArgument, message: "The first message of the stream is not Hello.")
            }
            isFirst = false
            hello.yield(
              HeldPolicy.Versions(
                bundle: first.acceptedBundleVersion, root: first.rootVersion))
          }
          try await attachment.take(message)
        }
      }
      group.addTask {
        guard let accepted = try await Self.first(of: hellos, within: LinkLimits.helloDeadline)
        else {
          throw RPCError(code: .deadlineExceeded, message: "The agent did not say Hello in time.")
        }
        try await attachment.sendPolicy(after: accepted)
      }
      group.addTask { try await attachment.sendCommands(commands) }
      group.addTask {
        for await end in ends {
          switch end {
          case .shutdown:
            throw RPCError(
              code: .unavailable, message: "The control plane is shutting down: attach again.")
          case .replaced:
            throw RPCError(code: .aborted, message: "The agent has attached on another link.")
          }
        }
        try Task.checkCancellation()
      }
      group.addTask {
        // The peer is gone, or its connection is: the stream may never say so by itself.
        try await context.cancellation.cancelled
        throw CancellationError()
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  private static func first(
    of hellos: AsyncStream<HeldPolicy.Versions>, within deadline: Duration
  ) async throws -> HeldPolicy.Versions? {
    try await withThrowingTaskGroup(of: HeldPolicy.Versions?.self) { group in
      group.addTask {
        for await hello in hellos { return hello }
        return nil
      }
      group.addTask {
        try await Task.sleep(for: deadline)
        return nil
      }
      defer { group.cancelAll() }
      return try await group.next() ?? nil
    }
  }
}
