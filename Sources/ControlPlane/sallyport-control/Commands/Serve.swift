import AgentLinkServer
import ArgumentParser
import ControlAPI
import ControlCore
import Foundation
import Glibc
import Hummingbird
import Logging
import NIOSSL
import PostgresStore
import ServerFlags
import ServiceLifecycle
import Telemetry

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the control plane until SIGTERM or SIGINT.",
    discussion: """
      The first start makes the organisation's keys and prints a one-time bootstrap token for \
      `sallyport login`.
      """)

  @OptionGroup var database: DatabaseOptions
  @OptionGroup var organisation: OrganisationOptions
  @OptionGroup var logging: LogOptions

  @Option(
    help: ArgumentHelp("Where the HTTPS API listens: a numeric address.", valueName: "host:port"))
  var listen = ListenAddress.loopback(port: 8443)

  @Option(
    help: ArgumentHelp("Where the agent link listens: a numeric address.", valueName: "host:port"))
  var linkListen = ListenAddress.loopback(port: 8444)

  @Option(
    name: .customLong("public-url"),
    help: ArgumentHelp(
      "How people reach the API; the address of --listen when absent.", valueName: "https://…"))
  var publicURL: String?

  @Option(
    help: ArgumentHelp(
      "Where agents dial; the address of --link-listen when absent.", valueName: "host:port"))
  var linkAddress: HostAndPort?

  @Option(
    help: ArgumentHelp(
      "Further names and addresses for the server's certificate, with commas between.",
      valueName: "name,…"))
  var names: String?

  @Option(
    help: ArgumentHelp(
      "How long an agent may take its bundle for the newest without hearing from here.",
      discussion: "It is told again at a third of it.", valueName: "period"))
  var leaseLifetime = PeriodArgument(seconds: 300)

  @Option(
    help: ArgumentHelp(
      "How long after that an agent still lets new sessions in.", valueName: "period"))
  var maxStale = PeriodArgument(seconds: 24 * 3600)

  @Option(
    help: ArgumentHelp(
      "How long an agent's certificate is good for; it is renewed at half of it.",
      valueName: "period"))
  var certificateLifetime = PeriodArgument(seconds: 24 * 3600)

  @OptionGroup var certificate: CertificateOptions

  @Option(
    name: .customLong("bootstrap-token-file"),
    help: ArgumentHelp(
      "At the first start, write the bootstrap token to this file, readable by its owner only, "
        + "instead of printing it; what the file held is replaced.", valueName: "file"))
  var bootstrapTokenFile: String?

  func validate() throws {
    if let publicURL { _ = try Self.host(ofURL: publicURL) }
  }

  func run() async throws {
    // A reader of standard output that has gone is a failed write, and not the program's end.
    signal(SIGPIPE, SIG_IGN)
    let registry = logging.install()
    let settings = try settings()
    let key = try organisation.key()
    try await reporting {
      try await serve(settings: settings, key: key, registry: registry)
    }
  }

  private func serve(
    settings: ControlSettings, key: KeyFile, registry: PrometheusRegistry
  ) async throws {
    let logger = Logger(label: "control")
    let surroundings = Surroundings.system(logger: logger)
    let store = try await database.open(logger: logger)
    let keys = try await ControlKeys.open(
      store: store.stores.secrets, wrappingKey: key, settings: settings,
      surroundings: surroundings)
    let plane = ControlPlane(
      settings: settings, keys: keys, stores: store.stores, surroundings: surroundings)
    let identity = try keys.serverIdentity(settings: settings, surroundings: surroundings)
    let destination = try TokenDestination.replaceable(bootstrapTokenFile)
    if try await !plane.access.hasBootstrapToken() { try destination.prepare() }
    defer { destination.discard() }

    let (apiPorts, apiPort) = AsyncStream<Int>.makeStream(bufferingPolicy: .bufferingOldest(1))
    let apiConfiguration = try apiConfiguration(identity)
    let application: any ApplicationProtocol
    do {
      application = try APIServer.application(
        apiConfiguration, plane: plane, registry: registry, logger: logger
      ) { port in
        apiPort.yield(port)
        apiPort.finish()
      }
    } catch {
      throw StartFailure(
        .configuration, "The API's certificate and key cannot be used together: \(error).",
        remedy: "Give the key of the certificate with --tls-key.")
    }
    let link = AgentLinkServer(
      AgentLinkServerConfiguration(
        host: linkListen.host, port: linkListen.port,
        certificateChainPEM: identity.certificateChainPEM, privateKeyPEM: identity.privateKeyPEM,
        authoritiesPEM: identity.authoritiesPEM),
      plane: plane, now: surroundings.now, logger: logger)

    // Started in this order and ended in the opposite one: the listeners go first, and what they
    // use last.
    let shutdown = BoundedShutdown()
    var configuration = ServiceGroupConfiguration(
      services: [
        StoreService(store: store), PlaneService(plane: plane),
        LinkService(server: link, address: linkListen),
        APIService(application: application, link: link, plane: plane, address: listen),
        Announcement(
          plane: plane, link: link, apiPort: apiPorts, publicURL: url, destination: destination,
          certificateExpiresAt: identity.expiresAt, logger: logger),
        shutdown.watch,
      ],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = BoundedShutdown.graceful
    let inTime: Bool
    do {
      inTime = try await shutdown.run(ServiceGroup(configuration: configuration))
    } catch is CancellationError {
      inTime = false
    }
    logger.notice(inTime ? "ended" : "ended with connections still open")
  }

  private func apiConfiguration(_ identity: ServerIdentity) throws -> APIServerConfiguration {
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey
    let (certificateName, keyName) = certificate.files ?? ("own", "own")
    do {
      if let files = certificate.files {
        chain = try NIOSSLCertificate.fromPEMFile(files.certificate)
        key = try NIOSSLPrivateKey(file: files.key, format: .pem)
      } else {
        chain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificateChainPEM.utf8))
        key = try NIOSSLPrivateKey(bytes: identity.privateKeyPEM.bytes, format: .pem)
      }
    } catch {
      throw StartFailure(
        .configuration,
        "The certificate \"\(certificateName)\" or the key \"\(keyName)\" cannot be read: \(error).",
        remedy: "Give files in PEM with --tls-certificate and --tls-key.")
    }
    return APIServerConfiguration(
      host: listen.host, port: listen.port, certificateChain: chain, privateKey: key)
  }

  private var url: String { publicURL ?? "https://\(listen)" }

  private func settings() throws -> ControlSettings {
    let linkAddress = linkAddress?.description ?? linkListen.description
    var names = [try Self.host(ofURL: url)]
    if let host = HostAndPort(linkAddress)?.host { names.append(host) }
    names += furtherNames + ["localhost", "127.0.0.1", "::1"]
    var seen: Set<String> = ["0.0.0.0", "::"]
    var settings = ControlSettings(
      organisation: try organisation.organisationName(), version: SallyportControl.version,
      linkAddress: linkAddress, serverNames: names.filter { seen.insert($0).inserted })
    settings.leaseLifetime = leaseLifetime.duration
    settings.maxStale = maxStale.duration
    settings.certificateLifetime = certificateLifetime.duration
    return settings
  }

  private var furtherNames: [String] {
    (names ?? "").split(separator: ",")
      .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
  }

  private static func host(ofURL text: String) throws -> String {
    guard let url = URL(string: text), url.scheme == "https", let host = url.host(),
      !host.isEmpty, url.path().isEmpty || url.path() == "/"
    else {
      throw ValidationError(
        "--public-url \"\(text)\" is not https://HOST or https://HOST:PORT.")
    }
    return host.trimmingCharacters(in: ["[", "]"])
  }
}
