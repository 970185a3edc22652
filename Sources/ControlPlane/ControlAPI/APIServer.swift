package import ControlCore
package import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import Logging
import NIOCore
package import NIOSSL
package import Telemetry

/// Where the HTTPS API listens and what it shows itself with.
package struct APIServerConfiguration: Sendable {
  package var host: String
  package var port: Int
  /// The server's certificate first, then those between it and an authority.
  package var certificateChain: [NIOSSLCertificate]
  package var privateKey: NIOSSLPrivateKey

  package init(
    host: String, port: Int, certificateChain: [NIOSSLCertificate], privateKey: NIOSSLPrivateKey
  ) {
    self.host = host
    self.port = port
    self.certificateChain = certificateChain
    self.privateKey = privateKey
  }
}

/// The HTTPS API: routes over the services of the control plane.
package enum APIServer {
  /// The server as a service that runs until a graceful shutdown, then finishes open requests.
  ///
  /// - Parameter onListening: Called once with the port it listens on.
  /// - Throws: when the certificate and its key cannot be used together.
  package static func application(
    _ configuration: APIServerConfiguration, plane: ControlPlane, registry: PrometheusRegistry,
    logger: Logger, onListening: @escaping @Sendable (Int) async -> Void
  ) throws -> some ApplicationProtocol {
    var tls = TLSConfiguration.makeServerConfiguration(
      certificateChain: configuration.certificateChain.map { .certificate($0) },
      privateKey: .privateKey(configuration.privateKey))
    tls.minimumTLSVersion = .tlsv12
    tls.applicationProtocols = ["http/1.1"]
    // Made once here, so that files that do not belong together are found at the start.
    _ = try NIOSSLContext(configuration: tls)
    let port = configuration.port
    return Application(
      router: router(plane: plane, registry: registry),
      server: try .tls(
        .http1(configuration: .init(idleTimeout: .seconds(APILimits.idleSeconds))),
        tlsConfiguration: tls),
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: port), serverName: nil,
        availableConnectionsDelegate: MaximumAvailableConnections(APILimits.connections)),
      onServerRunning: { channel in
        await onListening(channel.localAddress?.port ?? port)
      },
      logger: logger)
  }

  static func router(
    plane: ControlPlane, registry: PrometheusRegistry
  ) -> Router<APIRequestContext> {
    let router = Router(context: APIRequestContext.self)
    router.add(middleware: AccessLog())
    router.add(middleware: FailureAnswers())
    let routes = APIRoutes(router: router, access: plane.access, log: plane.controlLog)
    HealthHarness(
      status: plane.status, version: plane.settings.version, registry: registry
    ).addRoutes(to: routes)
    EnrolmentHarness(
      keys: plane.keys, access: plane.access, agents: plane.agents,
      limiter: AttemptLimiter(burst: 20, perSecond: 0.5)
    ).addRoutes(to: routes)
    StatusHarness(status: plane.status).addRoutes(to: routes)
    ConnectionsHarness(connections: plane.connections).addRoutes(to: routes)
    AgentsHarness(agents: plane.agents).addRoutes(to: routes)
    GrantsHarness(grants: plane.grants).addRoutes(to: routes)
    PoliciesHarness(policies: plane.policies).addRoutes(to: routes)
    TokensHarness(tokens: plane.tokens).addRoutes(to: routes)
    EvidenceHarness(evidence: plane.evidence).addRoutes(to: routes)
    AuditHarness(audit: plane.audit).addRoutes(to: routes)
    CompletenessHarness(completeness: plane.completeness).addRoutes(to: routes)
    RetentionHarness(retention: plane.retention).addRoutes(to: routes)
    ControlLogHarness(log: plane.controlLog).addRoutes(to: routes)
    return router
  }
}
