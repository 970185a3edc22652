import ControlLink
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Telemetry

/// Answers `/healthz`, `/readyz` and `/metrics` over plain HTTP, one request a connection.
struct HealthListener: Service {
  /// Connections answered at once; a further one waits for its turn in the kernel.
  static let maximumConnections = 32
  static let requestDeadline = TimeAmount.seconds(10)

  typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

  let address: HostPort
  let health: AgentHealth
  let registry: PrometheusRegistry
  let logger: Logger
  private let server: NIOAsyncChannel<Connection, Never>

  /// Listens.
  ///
  /// - Throws: ``StartFailure`` when the address cannot be had.
  init(
    address: HostPort, health: AgentHealth, registry: PrometheusRegistry, logger: Logger
  ) async throws {
    self.address = address
    self.health = health
    self.registry = registry
    self.logger = logger
    do {
      server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .serverChannelOption(.maxMessagesPerRead, value: 1)
        .bind(
          host: address.host, port: address.port,
          serverBackPressureStrategy: .init(
            lowWatermark: 1, highWatermark: Self.maximumConnections)
        ) { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
              IdleStateHandler(allTimeout: Self.requestDeadline))
            try channel.pipeline.syncOperations.addHandler(CloseWhenIdle())
            try channel.pipeline.syncOperations.configureHTTPServerPipeline()
            return try Connection(wrappingChannelSynchronously: channel)
          }
        }
    } catch {
      throw StartFailure(
        .listening,
        "the health address \(address) cannot be listened on (\(FailureText.describe(error))): stop what has it, or give"
          + " --health-listen another one")
    }
  }

  func run() async throws {
    logger.info("health listening", metadata: [LogKey.address: "\(address)"])
    await cancelWhenGracefulShutdown {
      // A cancelled accept ends the loop without an error worth a line.
      try? await server.executeThenClose { connections in
        try await withThrowingDiscardingTaskGroup { group in
          for try await connection in connections {
            group.addTask { await serve(connection) }
          }
        }
      }
    }
  }

  private func serve(_ connection: Connection) async {
    // Whoever asks may go away at any moment; that is no one's concern.
    try? await connection.executeThenClose { inbound, outbound in
      for try await part in inbound {
        guard case .head(let request) = part else { continue }
        let (status, type, text) = await answer(request)
        var head = HTTPResponseHead(version: .http1_1, status: status)
        head.headers.add(name: "content-type", value: type)
        head.headers.add(name: "content-length", value: "\(text.utf8.count)")
        head.headers.add(name: "connection", value: "close")
        try await outbound.write(.head(head))
        if request.method != .HEAD {
          try await outbound.write(.body(.byteBuffer(.init(string: text))))
        }
        try await outbound.write(.end(nil))
        return
      }
    }
  }

  private func answer(
    _ request: HTTPRequestHead
  ) async -> (status: HTTPResponseStatus, type: String, body: String) {
    guard request.method == .GET || request.method == .HEAD else {
      return (.methodNotAllowed, "text/plain", "ask with GET\n")
    }
    switch request.uri.split(separator: "?", maxSplits: 1).first {
    case "/healthz":
      let report = await health.report()
      let isWorking = await health.isWorking()
      return (isWorking ? .ok : .serviceUnavailable, "application/json", AgentHealth.json(report))
    case "/readyz":
      let report = await health.report()
      let isReady = await health.isReady()
      return (isReady ? .ok : .serviceUnavailable, "application/json", AgentHealth.json(report))
    case "/metrics":
      // Refreshes the gauges that are read when asked for.
      _ = await health.report()
      return (.ok, "text/plain; version=0.0.4; charset=utf-8", registry.exposition())
    default:
      return (.notFound, "text/plain", "/healthz, /readyz or /metrics\n")
    }
  }
}

/// Cuts a peer that does not send its request or take its answer in time.
private final class CloseWhenIdle: ChannelInboundHandler, Sendable {
  typealias InboundIn = NIOAny

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent {
      context.close(promise: nil)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }
}
