internal import AgentLink
package import AgentState
package import AuditLog
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
package import GatewayModel
package import Logging
internal import PeerIdentity
package import RecordLog
import ServiceLifecycle
internal import SystemClock
internal import Telemetry

/// Keeps the agent joined with its control plane: always dials, and dials again.
///
/// Over one connection it attaches for bundles and commands, ships records and renews the agent's
/// certificate. Nothing the agent does for its clients waits for it.
package struct LinkClient: Service {
  typealias Link = Sallyport_Link_V1_AgentLink.Client<HTTP2ClientTransport.Posix>

  /// Why a connection was given up.
  enum End: Sendable {
    case closed
    /// The agent has a new certificate to come with.
    case renewed
  }

  /// A connection that lasted this long was a good one: the next try is prompt.
  static let settled = Duration.seconds(10)
  /// How long a stopping agent waits for its last records to be stored.
  static let flushDeadline = Duration.seconds(5)

  let state: AgentState
  let endpoint: Endpoint
  let enrolment: Enrolment
  let hello: LinkHello
  let bundles: BundleAcceptor
  let recordLog: RecordLogDirectory
  let tester: any ConnectionTester
  let health: @Sendable () async -> AgentHealthReport
  let renewed: @Sendable (TLSIdentity) async -> Void
  let removed: @Sendable (Bool) async -> Void
  let beginEpoch: @Sendable (LogID, [UInt32: LogStanding]) async throws -> Void
  let witnessed: @Sendable (WitnessConflictRecord) async -> Bool
  let status: LinkStatus
  let logger: Logger

  /// - Parameters:
  ///   - tester: Answers `connections test`.
  ///   - health: Asked about once a second.
  ///   - renewed: Told of each new certificate, for the agent's clients.
  ///   - removed: Told that an administrator has removed the agent, or that it is let in again.
  ///   - beginEpoch: Gives a log up of which the control plane has another history, for a new epoch
  ///     in which each lane cites what is known of its log.
  ///   - witnessed: Writes into the agent's log that the control plane's own log was changed, and
  ///     says whether that is there.
  /// - Throws: ``LinkError`` when the enrolment's link address is not one.
  package init(
    state: AgentState, enrolment: Enrolment, hello: LinkHello, bundles: BundleAcceptor,
    recordLog: RecordLogDirectory, tester: any ConnectionTester, status: LinkStatus,
    logger: Logger, health: @escaping @Sendable () async -> AgentHealthReport,
    renewed: @escaping @Sendable (TLSIdentity) async -> Void,
    removed: @escaping @Sendable (Bool) async -> Void,
    beginEpoch: @escaping @Sendable (LogID, [UInt32: LogStanding]) async throws -> Void,
    witnessed: @escaping @Sendable (WitnessConflictRecord) async -> Bool
  ) throws(LinkError) {
    self.state = state
    self.enrolment = enrolment
    endpoint = try Endpoint(enrolment.linkAddress)
    self.hello = hello
    self.bundles = bundles
    self.recordLog = recordLog
    self.tester = tester
    self.status = status
    self.health = health
    self.renewed = renewed
    self.removed = removed
    self.beginEpoch = beginEpoch
    self.witnessed = witnessed
    self.logger = logger
  }

  /// Runs until the agent stops; then gives the last records a moment to be stored.
  package func run() async throws {
    await recallCursors()
    let signer = try CheckpointSigner(key: try await state.keys().audit)
    let witness = try await ControlWitness(
      store: state, enrolment: enrolment, status: status, logger: logger, record: witnessed)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await dialForever(signer, witness) }
      group.addTask {
        // Throws when the task is cancelled, which ends the link just the same.
        try? await gracefulShutdown()
        await flush()
      }
      await group.next()
      group.cancelAll()
    }
    _ = status.detached(nil)
  }

  /// Tells the record log what the control plane had stored before this start, so that the backlog
  /// is right while the control plane is away.
  private func recallCursors() async {
    do {
      for cursor in try await state.shippingCursors() {
        let log = LogID(agent: enrolment.agent, epoch: cursor.epoch, lane: cursor.lane)
        guard recordLog.logs().contains(log) else { continue }
        try recordLog.reader(for: log).resume(at: cursor.nextSeq)
      }
    } catch {
      // Shipping finds out by itself and says what is wrong.
      logger.warning("shipping cursors not recalled", metadata: [LogKey.error: "\(error)"])
    }
  }

  private func dialForever(_ signer: CheckpointSigner, _ witness: ControlWitness) async {
    var backoff = Backoff()
    let shipper = RecordShipper(
      recordLog: recordLog, state: state, signer: signer, witness: witness,
      beginEpoch: beginEpoch, status: status, logger: logger)
    while !Task.isCancelled {
      let start = ContinuousClock.now
      var problem = "the control plane closed the link"
      do {
        if case .renewed = try await attachOnce(shipper) {
          // By a clock that is fast a new certificate is due for renewal as it comes.
          if ContinuousClock.now - start > Self.settled { continue }
          try? await Task.sleep(for: backoff.wait(random: .random(in: 0...1)))
          continue
        }
      } catch is CancellationError where Task.isCancelled {
        return
      } catch {
        problem = describe(error)
        if Self.isRemoval(error) { await note(removed: true) }
      }
      if status.detached("no link to the control plane at \(endpoint): \(problem)") {
        logger.warning(
          "link down",
          metadata: [LogKey.address: "\(endpoint)", LogKey.error: "\(problem)"])
      }
      if ContinuousClock.now - start > Self.settled { backoff.reset() }
      try? await Task.sleep(for: backoff.wait(random: .random(in: 0...1)))
    }
  }

  /// Dials once and stays until the connection ends.
  private func attachOnce(_ shipper: RecordShipper) async throws -> End {
    let (identity, isNew) = try await CertificateRecovery(
      state: state, enrolment: enrolment, logger: logger
    ).identity()
    if isNew { await renewed(identity) }
    let authorities = try await state.enrolment().authoritiesPEM
    let renewer = try CertificateRenewer(
      state: state, enrolment: enrolment, identity: identity, status: status, logger: logger)
    let transport = try LinkTransport.make(
      to: endpoint, identity: identity, authoritiesPEM: authorities)
    return try await withGRPCClient(transport: transport) { client in
      let link = Link(wrapping: client)
      return try await withThrowingTaskGroup(of: End.self) { group in
        group.addTask {
          try await Attachment(client: self).run(link)
          return .closed
        }
        group.addTask {
          try await shipper.run(link)
          return .closed
        }
        group.addTask {
          await renewed(try await renewer.run(link))
          return .renewed
        }
        defer { group.cancelAll() }
        return try await group.next() ?? .closed
      }
    }
  }

  /// Takes in what the control plane says of the agent's place; it holds over a restart.
  func note(removed isRemoved: Bool) async {
    guard status.removed(isRemoved) else { return }
    do {
      try await state.note(removed: isRemoved, at: WallTime.now())
    } catch {
      logger.error("the agent's removal is not kept", metadata: [LogKey.error: "\(error)"])
    }
    await removed(isRemoved)
  }

  /// Takes up what the control plane has said in an earlier run.
  package func recallRemoval() async throws {
    guard try await state.isRemoved() else { return }
    _ = status.removed(true)
    await removed(true)
  }

  private func flush() async {
    let deadline = ContinuousClock.now + Self.flushDeadline
    while !Task.isCancelled, status.snapshot.isAttached, ContinuousClock.now < deadline,
      recordLog.health.backlogRecords > 0
    {
      try? await Task.sleep(for: .milliseconds(50))
    }
  }

  /// Whether the control plane refuses the agent because it was removed: over the link, or over
  /// HTTPS when the agent's certificate has expired meanwhile.
  private static func isRemoval(_ error: any Error) -> Bool {
    (error as? LinkError)?.code == .removed || (error as? RPCError)?.isRemoval == true
  }

  private func describe(_ error: any Error) -> String {
    let reason = FailureText.describe(error)
    if let error = error as? RPCError, [.permissionDenied, .unauthenticated].contains(error.code) {
      return "the control plane refuses this agent (\(reason))"
    }
    return reason
  }
}

extension RPCError {
  fileprivate var isRemoval: Bool {
    code == .permissionDenied
      && metadata[stringValues: LinkMark.standing].contains(LinkMark.removed)
  }
}

/// What an agent says of itself when it attaches.
package struct LinkHello: Hashable, Sendable {
  package var agentVersion: String
  package var hostname: String
  package var clientAddress: String

  package init(agentVersion: String, hostname: String, clientAddress: String) {
    self.agentVersion = agentVersion
    self.hostname = hostname
    self.clientAddress = clientAddress
  }
}
