import AuditLog
internal import GatewayModel
package import Logging
import NIOCore
import NIOPosix
package import RecordLog
import Synchronization
internal import SystemClock

/// Accepts PostgreSQL clients and runs their sessions, each wholly on one event loop.
///
/// Every event loop writes a record log of its own; lane *i* is loop *i*. Until the first
/// ``apply(_:)``, which may come before ``start()``, every login is refused (`no_bundle`).
package final class GatewayServer: Sendable {
  private enum Phase {
    /// Holds that with which the gateway will start.
    case idle(FirstStanding)
    case running(listeners: [any Channel], lanes: [SessionLane])
    case closed
  }

  /// What was applied before the start.
  private struct FirstStanding {
    var policy: PolicySnapshot?
    var lease: LeaseSnapshot?
    var isRemoved = false
  }

  private let group: MultiThreadedEventLoopGroup
  let writerIdentity: WriterIdentity
  let commons: GatewayCommons
  private let phase = Mutex(Phase.idle(FirstStanding()))
  private let ended: EventLoopPromise<Void>

  /// - Parameters:
  ///   - identity: What clients see; exchanged by ``renew(_:)``.
  ///   - log: Open; the gateway opens one writer for each event loop and closes them at shutdown.
  ///   - writer: How `log.open` names the agent.
  ///   - openCredential: Called on an event loop, once for each login.
  ///   - deriveKeys: Called off the event loops when a database server asks for SCRAM.
  package init(
    configuration: GatewayConfiguration, identity: ClientTLSIdentity, log: RecordLogDirectory,
    writer: WriterIdentity, openCredential: @escaping CredentialOpener,
    deriveKeys: @escaping KeyDerivation = { $0.keys() }, logger: Logger
  ) {
    group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.eventLoopThreads)
    // On a loop that outlives ours, so that who asks late is answered too.
    ended = MultiThreadedEventLoopGroup.singleton.any().makePromise()
    writerIdentity = writer
    commons = GatewayCommons(
      configuration: configuration, identity: identity, log: log, openCredential: openCredential,
      deriveKeys: deriveKeys, logger: logger)
  }

  deinit {
    if case .closed = phase.withLock({ $0 }) { return }
    ended.succeed()
  }

  // MARK: Life

  /// Opens the record lanes, puts the policy in force that was applied already, and listens.
  ///
  /// - Returns: The addresses listened on, with the ports that were given for 0.
  /// - Throws: ``GatewayError``; nothing is listened on then.
  package func start() async throws(GatewayError) -> [ListenAddress] {
    guard case .idle = phase.withLock({ $0 }) else {
      throw GatewayError(code: .state, message: "the gateway has been started already")
    }
    let lanes = try await openLanes()
    let first: FirstStanding = phase.withLock { phase in
      defer { phase = .running(listeners: [], lanes: lanes) }
      if case .idle(let first) = phase { return first }
      return FirstStanding()
    }
    // Before anybody can come in, so that a restart refuses nobody.
    await onEach(lanes) { lane in
      if let lease = first.lease { lane.apply(lease) }
      if first.isRemoved { lane.apply(removed: true) }
      if let policy = first.policy { lane.apply(policy) }
    }
    do throws(GatewayError) {
      let (listeners, addresses) = try await GatewayListeners.bind(
        commons.configuration, group: group, lanes: lanes)
      phase.withLock { $0 = .running(listeners: listeners, lanes: lanes) }
      return addresses
    } catch {
      await shutdown()
      throw error
    }
  }

  /// Returns when the gateway has shut down.
  package func waitUntilClosed() async {
    try? await ended.futureResult.get()
  }

  /// Accepts nobody new and lets the sessions end by themselves; returns when none is left or the
  /// time has passed.
  package func drain(within deadline: Duration) async {
    let (listeners, lanes) = running
    for listener in listeners { try? await listener.close() }
    await onEach(lanes) { $0.beginClosing() }
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: deadline)
    while clock.now < end, statistics.openConnections > 0 {
      do { try await clock.sleep(for: .milliseconds(50)) } catch { return }
    }
  }

  /// Ends every session with 57P01, then closes the record lanes and the event loops.
  package func shutdown() async {
    let (listeners, lanes) = running
    let wasClosed = phase.withLock { phase in
      defer { phase = .closed }
      if case .closed = phase { return true }
      return false
    }
    guard !wasClosed else { return await waitUntilClosed() }
    for listener in listeners { try? await listener.close() }
    await onEach(lanes) { $0.endSessions() }
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: commons.configuration.limits.lingerDeadline + .seconds(1))
    while clock.now < end, statistics.openConnections > 0 {
      do { try await clock.sleep(for: .milliseconds(10)) } catch { break }
    }
    await onEach(lanes) { lane in
      do throws(RecordLogError) {
        try lane.closeLog()
      } catch {
        lane.commons.logger.error(
          "the record log was not closed in order", metadata: ["error": "\(error)"])
      }
    }
    try? await commons.resolver.shutdown()
    try? await commons.keyDeriver.shutdown()
    ended.succeed()
    try? await group.shutdownGracefully()
  }

  // MARK: Live changes

  /// Judges by this policy from now on, on every event loop, and ends sessions whose connection or
  /// grant is gone (57P01, `grant_revoked`). Returns when every loop has it.
  ///
  /// Before ``start()`` it is kept for that; not to be called while ``start()`` runs.
  package func apply(_ snapshot: PolicySnapshot) async {
    guard !keep({ $0.policy = snapshot }) else { return }
    await onEach(running.lanes) { $0.apply(snapshot) }
  }

  /// Takes the policy for fresh for as long as this says, on every event loop; as ``apply(_:)``.
  package func apply(lease: LeaseSnapshot) async {
    guard !keep({ $0.lease = lease }) else { return }
    await onEach(running.lanes) { $0.apply(lease) }
  }

  /// Ends every session (57P01, `agent_removed`) and lets nobody in while an administrator has the
  /// agent removed; as ``apply(_:)``.
  package func apply(removed isRemoved: Bool) async {
    guard !keep({ $0.isRemoved = isRemoved }) else { return }
    await onEach(running.lanes) { $0.apply(removed: isRemoved) }
  }

  /// - Returns: Whether the gateway has not started, and starts with it.
  private func keep(_ change: (inout FirstStanding) -> Void) -> Bool {
    phase.withLock { phase in
      guard case .idle(var first) = phase else { return false }
      change(&first)
      phase = .idle(first)
      return true
    }
  }

  /// Writes into one of the agent's logs that the control plane's own log was changed.
  ///
  /// - Parameters:
  ///   - known: The signed checkpoint that was accepted before.
  ///   - offered: The one that does not fit to it.
  /// - Returns: Whether the record is in the log.
  package func recordConflict(known: [UInt8], offered: [UInt8], reason: String) async -> Bool {
    guard let lane = running.lanes.first else { return false }
    let record = WitnessConflictRecord(
      knownCheckpoint: known, offeredCheckpoint: offered, reason: reason)
    return await onEach([lane]) { $0.appendNow(record) } == [true]
  }

  /// Shows this certificate in new handshakes.
  package func renew(_ identity: ClientTLSIdentity) {
    commons.clientTLSContext = identity.context
  }

  // MARK: How it is

  package var statistics: GatewayStatistics { commons.sessions.statistics }

  /// Asks every event loop.
  package func health() async -> GatewayHealth {
    let lanes = running.lanes
    guard !lanes.isEmpty else {
      return GatewayHealth(
        state: .failing, problems: ["the gateway does not listen"], isWorking: false)
    }
    let answers = await onEach(lanes) { ($0.problem, $0.policyProblem) }
    let failing = Set(answers.compactMap(\.0)).sorted()
    let policy = Set(answers.compactMap(\.1)).sorted()
    return GatewayHealth(
      state: failing.isEmpty && policy.isEmpty ? .ok : .failing, problems: failing + policy,
      isWorking: failing.isEmpty)
  }

  /// Logs in to a connection of the policy as one of its roles, and asks for the server's version.
  package func testConnection(named name: String, role: String) async -> ServerLegTestResult {
    guard let lane = running.lanes.first else {
      return ServerLegTestResult(
        ok: false, detail: "the gateway is not running", duration: .zero)
    }
    let test = lane.loop.flatSubmit { ServerLegTester.test(name, role: role, on: lane) }
    do {
      return try await test.get()
    } catch {
      return ServerLegTestResult(ok: false, detail: "\(error)", duration: .zero)
    }
  }

  // MARK: Lanes

  var running: (listeners: [any Channel], lanes: [SessionLane]) {
    phase.withLock { phase in
      if case .running(let listeners, let lanes) = phase { return (listeners, lanes) }
      return ([], [])
    }
  }

  private func openLanes() async throws(GatewayError) -> [SessionLane] {
    var lanes: [SessionLane] = []
    var next: UInt32 = 0
    for loop in group.makeIterator() {
      let index = next
      next += 1
      do {
        lanes.append(
          try await loop.submit { [commons, writerIdentity] in
            let writer = try commons.log.openWriter(
              lane: index, identity: writerIdentity, at: .now())
            let lane = SessionLane(loop: loop, index: index, commons: commons, writer: writer)
            lane.start()
            return lane
          }.get())
      } catch {
        await onEach(lanes) { try? $0.closeLog() }
        throw GatewayError(code: .recordLog, message: "cannot open the record log: \(error)")
      }
    }
    endUnusedLanes(on: lanes.first?.loop)
    return lanes
  }

  /// Ends the logs that the last run had and this one has not; while that fails, tries again with
  /// the interval at which logs are watched.
  private func endUnusedLanes(on loop: (any EventLoop)?) {
    do throws(RecordLogError) {
      try commons.log.closeUnusedLanes(identity: writerIdentity, at: .now())
      return
    } catch {
      commons.logger.error(
        "the logs of lanes of the last run are not ended yet; the agent tries again",
        metadata: ["error": "\(error)"])
    }
    let interval = TimeAmount(commons.configuration.limits.logWatchInterval)
    loop?.scheduleRepeatedTask(initialDelay: interval, delay: interval) {
      [commons, writerIdentity] task in
      do throws(RecordLogError) {
        try commons.log.closeUnusedLanes(identity: writerIdentity, at: .now())
      } catch {
        return
      }
      task.cancel()
      commons.logger.notice("the logs of lanes of the last run are ended")
    }
  }

  @discardableResult
  private func onEach<Answer: Sendable>(
    _ lanes: [SessionLane], _ body: @escaping @Sendable (SessionLane) -> Answer
  ) async -> [Answer] {
    var answers: [Answer] = []
    for lane in lanes {
      // Fails only when the loop is shut down, which nothing survives to see.
      if let answer = try? await lane.loop.submit({ body(lane) }).get() { answers.append(answer) }
    }
    return answers
  }
}
