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
      configuration: settings.recordLog, agent: enrolment.agent, now: WallClock.now())
    defer { recordLog.close() }
    let gateway = try await gateway(state, enrolment, recordLog, logger)
    let addresses = try await gateway.start()
    for address in addresses {
      logger.notice("listening", metadata: [LogKey.address: "\(address)"])
    }
    do {
      try await serve(state, enrolment, recordLog, gateway, logger)
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
    return GatewayServer(
      configuration: GatewayConfiguration(
        agent: enrolment.agent, segment: enrolment.segment, listen: settings.listen,
        eventLoopThreads: settings.threads,
        allowPlaintextOnLoopback: settings.allowPlaintextOnLoopback),
      identity: identity, log: recordLog,
      writer: WriterIdentity(
        agentVersion: SallyportAgent.version, host: ProcessInfo.processInfo.hostName),
      openCredential: { try opener.open($0, role: $1) }, logger: logger)
  }

  private func serve(
    _ state: AgentState, _ enrolment: Enrolment, _ recordLog: RecordLogDirectory,
    _ gateway: GatewayServer, _ logger: Logger
  ) async throws {
    let status = LinkStatus()
    let bundles = try BundleAcceptor(
      state: state, enrolment: enrolment, status: status, logger: logger
    ) { bundle in
      await gateway.apply(PolicySnapshot(bundle))
    }
    if try await !bundles.restore() {
      logger.warning("no bundle yet: nobody is let in until the control plane sends one")
    }
    let health = AgentHealth(gateway: gateway, recordLog: recordLog, link: status)
    let files = settings.clientFiles
    let link = try LinkClient(
      state: state, enrolment: enrolment,
      hello: LinkHello(
        agentVersion: SallyportAgent.version, hostname: ProcessInfo.processInfo.hostName,
        clientAddress: enrolment.clientAddress),
      bundles: bundles, recordLog: recordLog, tester: GatewayTester(gateway: gateway),
      status: status, logger: logger, health: { await health.report() }
    ) { identity in
      guard files == nil else { return }
      do {
        gateway.renew(try ClientIdentity.load(nil, own: identity))
      } catch {
        logger.error(
          "renewed certificate not shown to clients", metadata: [LogKey.error: "\(error)"])
      }
    }
    // Ended from the last to the first: sessions, then what tells of them, then the link that
    // ships their last records.
    var services: [any Service] = [link]
    if let address = settings.healthListen {
      services.append(
        try await HealthListener(
          address: address, health: health, registry: registry, logger: logger))
    }
    services.append(
      GatewayService(gateway: gateway, drainDeadline: settings.drainDeadline, logger: logger))
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
      bundle.payload.tokenKeys.map { ($0.kid, $0.publicKey) }, uniquingKeysWith: { first, _ in first })
    self.init(
      bundle: bundle.payload, hash: bundle.hash.bytes,
      verifier: TokenVerifier(issuer: bundle.payload.tokenIssuer, keys: keys))
  }
}
