import ArgumentParser
import Foundation
import Logging
import RecordLog
import ServerFlags
import SessionEngine

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the gateway until SIGTERM or SIGINT.",
    discussion: """
      Starts from the bundle it has when the control plane is away.

      Example:
        sallyport-agent serve --state /var/lib/sallyport-agent --listen 0.0.0.0:6432
      """)

  @OptionGroup var state: StateOptions

  @Option(
    help: ArgumentHelp("Where PostgreSQL clients connect; may be repeated.", valueName: "host:port")
  )
  var listen = [HostPort(argument: "127.0.0.1:6432")].compactMap { $0 }

  @Option(
    help: ArgumentHelp(
      "A folder for a Unix socket, named after the port of --listen.", valueName: "folder"))
  var unixSocket: String?

  @Option(help: "Event loops; one for every two processors when absent.")
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "Where /healthz, /readyz and /metrics answer over plain HTTP.", valueName: "host:port"))
  var healthListen: HostPort?

  @OptionGroup var certificate: CertificateOptions

  @Flag(help: "Let clients on a loopback address in without TLS.")
  var allowPlaintextLoopback = false

  @Option(
    help: ArgumentHelp(
      "The record log's folder; \"records\" in the state folder when absent.", valueName: "folder"))
  var recordLog: String?

  @Option(
    help: ArgumentHelp(
      "The most the record log may take; the file system decides when absent.", valueName: "bytes"))
  var maxLogBytes: Int64?

  @Option(help: ArgumentHelp("How long open sessions may go on at the end.", valueName: "seconds"))
  var drainSeconds = 10

  @Option(
    help: ArgumentHelp(
      "Sessions at once; one more is refused (53300).", valueName: "count"))
  var maxSessions: Int?

  @Option(
    help: ArgumentHelp(
      "End a session that is silent for so long while nothing runs; never when absent.",
      valueName: "seconds"))
  var idleTimeout: Int?

  @Option(
    help: ArgumentHelp(
      "The protocol that servers are asked for: 3.2, which all but very old ones negotiate, or 3.0.",
      valueName: "version"))
  var serverProtocol = ServerProtocol.v3_2

  @Option(
    help: ArgumentHelp(
      "Whether a server's login must be bound to its TLS channel (SCRAM-SHA-256-PLUS): prefer, or"
        + " require, which refuses every other login.",
      valueName: "mode"))
  var serverChannelBinding = ServerChannelBinding.prefer

  @OptionGroup var logging: LogOptions

  func validate() throws {
    guard (1...256).contains(threads ?? 1) else {
      throw ValidationError("--threads \(threads ?? 0) is not from 1 to 256.")
    }
    guard (0...86_400).contains(drainSeconds) else {
      throw ValidationError("--drain-seconds \(drainSeconds) is not from 0 to 86400.")
    }
    guard (1...1_000_000).contains(maxSessions ?? 1) else {
      throw ValidationError("--max-sessions \(maxSessions ?? 0) is not from 1 to 1000000.")
    }
    guard (1...31_536_000).contains(idleTimeout ?? 1) else {
      throw ValidationError("--idle-timeout \(idleTimeout ?? 0) is not from 1 to 31536000.")
    }
    guard (maxLogBytes ?? .max) >= Self.smallestLog else {
      throw ValidationError(
        "--max-log-bytes \(maxLogBytes ?? 0) is too small: give at least \(Self.smallestLog).")
    }
  }

  /// The database is often on the same host and needs the processors more: on two of them a second
  /// loop made a query dearer by a fifth (docs/performance.md).
  private static var defaultThreads: Int {
    max(1, ProcessInfo.processInfo.activeProcessorCount / 2)
  }

  /// The reserve and some room to work.
  private static let smallestLog: Int64 = 16 << 20

  func run() async throws {
    let registry = logging.install()
    let files = certificate.files.map {
      ClientIdentity.Files(certificate: $0.certificate, key: $0.key)
    }
    var addresses = listen.map { ListenAddress.tcp(host: $0.host, port: $0.port) }
    if let unixSocket {
      addresses.append(.unixSocket(folder: unixSocket, port: listen.first?.port ?? 6432))
    }
    var limits = GatewayLimits()
    limits.idleTimeout = idleTimeout.map { .seconds($0) }
    if let maxSessions { limits.setSessions(maxSessions) }
    let settings = Agent.Settings(
      stateFolder: state.folder, listen: addresses,
      threads: threads ?? Self.defaultThreads,
      healthListen: healthListen, clientFiles: files,
      allowPlaintextOnLoopback: allowPlaintextLoopback,
      recordLog: RecordLogConfiguration(
        folder: recordLog ?? "\(state.folder)/records", maximumBytes: maxLogBytes),
      drainDeadline: .seconds(drainSeconds), limits: limits, serverProtocol: serverProtocol,
      serverChannelBinding: serverChannelBinding)
    try await reporting {
      try await Agent(
        settings: settings, registry: registry, logger: Logger(label: "agent")
      ).run()
    }
  }
}

extension ServerProtocol: ExpressibleByArgument {}
extension ServerChannelBinding: ExpressibleByArgument {}
