import AgentState
import ControlLink
import Foundation
import GatewayModel
import Logging
import RecordLog
import ServiceLifecycle
import SessionEngine
import SessionToken
import SignedBundle
import SystemClock
import Telemetry

/// An agent put together: state, record log, gateway and link.
struct Agent {
  /// What `serve` was asked for.
  struct Settings: Sendable {
    var stateFolder: String
    var listen: [ListenAddress]
    var threads: Int
    var healthListen: HostPort?
    var clientFiles: ClientIdentity.Files?
    var allowPlaintextOnLoopback: Bool
    var recordLog: RecordLogConfiguration
    var drainDeadline: Duration
    var limits: GatewayLimits
    var serverProtocol: ServerProtocol
    var serverChannelBinding: ServerChannelBinding
  }

  /// How long stopping may take beyond the drain: ending sessions and storing the last records.
  static let stopDeadline = Duration.seconds(15)

  let settings: Settings
  let registry: PrometheusRegistry
  let logger: Logger

  /// Runs until SIGTERM or SIGINT.
  func run() async throws {
    let state = try AgentState.open(folder: settings.stateFolder, for: .serve)
    defer { state.close() }
    let enrolment = try await state.enrolment()
    var logger = logger
    logger[metadataKey: LogKey.agent] = "\(enrolment.agent)"
    logger[metadataKey: LogKey.segment] = "\(enrolment.segment)"
    let recordLog = try RecordLogDirectory(
      configuration: settings.recordLog, agent: enrolment.agent, now: WallTime.now())
    defer { recordLog.close() }
    let gateway = try await gateway(state, enrolment, recordLog, logger)
    let status = LinkStatus()
    let health = AgentHealth(gateway: gateway, recordLog: recordLog, link: status)
    // Before the gateway listens, so that a taken address ends the start before a client came in.
    let listener = try await healthListener(health, logger)
    // Puts the kept bundle in force before the first client, so that a restart refuses nobody.
    let link = try await link(state, enrolment, recordLog, gateway, status, health, logger)
    for address in try await gateway.start() {
      logger.notice("listening", metadata: [LogKey.address: "\(address)"])
    }
    do {
      // Ended from the last to the first: sessions, then what tells of them, then the link that
      // ships their last records.
      var services: [any Service] = [link]
      if let listener { services.append(listener) }
      services.append(
        GatewayService(
          gateway: gateway, health: health, drainDeadline: settings.drainDeadline, logger: logger))
      try await serve(services, logger)
    } catch {
      await gateway.shutdown()
      throw error
    }
    logger.notice("ended")
  }

  private func gateway(
    _ state: AgentState, _ enrolment: Enrolment, _ recordLog: RecordLogDirectory, _ logger: Logger
  ) async throws -> GatewayServer {
    let identity = try ClientIdentity.load(
      settings.clientFiles, own: try await state.tlsIdentity())
    let opener = try SealedCredentialOpener(
      agent: enrolment.agent, sealingKey: try await state.keys().sealing)
    var configuration = GatewayConfiguration(
      agent: enrolment.agent, segment: enrolment.segment, listen: settings.listen,
      eventLoopThreads: settings.threads,
      allowPlaintextOnLoopback: settings.allowPlaintextOnLoopback, limits: settings.limits)
    configuration.serverProtocol = settings.serverProtocol
    configuration.serverChannelBinding = settings.serverChannelBinding
    return GatewayServer(
      configuration: configuration,
      identity: identity, log: recordLog,
      writer: WriterIdentity(
        agentVersion: SallyportAgent.version, host: ProcessInfo.processInfo.hostName),
      openCredential: { try opener.open($0, role: $1) }, logger: logger)
  }

  private func healthListener(
    _ health: AgentHealth, _ logger: Logger
  ) async throws -> HealthListener? {
    guard let address = settings.healthListen else { return nil }
    return try await HealthListener(
      address: address, health: health, registry: registry, logger: logger)
  }

  /// Puts the kept bundle in force and joins gateway and link.
  private func link(
    _ state: AgentState, _ enrolment: Enrolment, _ recordLog: RecordLogDirectory,
    _ gateway: GatewayServer, _ status: LinkStatus, _ health: AgentHealth, _ logger: Logger
  ) async throws -> LinkClient {
    let bundles = try BundleAcceptor(
      state: state, enrolment: enrolment, status: status, logger: logger,
      refresh: { await gateway.apply(lease: LeaseSnapshot($0)) },
      activate: { await gateway.apply(PolicySnapshot($0)) })
    if try await !bundles.restore() {
      logger.warning("no bundle yet: nobody is let in until the control plane sends one")
    }
    let files = settings.clientFiles
    let client = try LinkClient(
      state: state, enrolment: enrolment,
      hello: LinkHello(
        agentVersion: SallyportAgent.version, hostname: ProcessInfo.processInfo.hostName,
        clientAddress: enrolment.clientAddress),
      bundles: bundles, recordLog: recordLog, tester: GatewayTester(gateway: gateway),
      status: status, logger: logger, health: { await health.report() },
      renewed: { identity in
        guard files == nil else { return }
        do {
          gateway.renew(try ClientIdentity.load(nil, own: identity))
        } catch {
          logger.error(
            "renewed certificate not shown to clients", metadata: [LogKey.error: "\(error)"])
        }
      },
      removed: { await gateway.apply(removed: $0) },
      beginEpoch: { log, standings in
        try await gateway.beginEpoch(after: log, citing: standings)
      },
      witnessed: { conflict in
        await gateway.recordConflict(
          known: conflict.knownCheckpoint, offered: conflict.offeredCheckpoint,
          reason: conflict.reason)
      })
    try await client.recallRemoval()
    return client
  }

  private func serve(_ services: [any Service], _ logger: Logger) async throws {
    var configuration = ServiceGroupConfiguration(
      services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = settings.drainDeadline + Self.stopDeadline
    do {
      try await ServiceGroup(configuration: configuration).run()
    } catch is CancellationError {
      logger.warning("ended before all was in order")
    }
  }
}

extension PolicySnapshot {
  /// The policy of a bundle that was verified.
  convenience init(_ bundle: SignedBundle) {
    let keys = Dictionary(
      bundle.payload.tokenKeys.map { ($0.kid, $0.publicKey) },
      uniquingKeysWith: { first, _ in first })
    self.init(
      bundle: bundle.payload, hash: bundle.hash.bytes,
      verifier: TokenVerifier(issuer: bundle.payload.tokenIssuer, keys: keys))
  }
}
