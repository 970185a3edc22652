import NIOCore
import NIOPosix
import NIOSSL

/// Opens server legs on one event loop: connect, TLS by the target's mode, one deadline over both.
struct ServerConnector {
  private let loop: any EventLoop
  private let deadline: Duration
  private let outboundBytes: Int
  private let resolver: HostResolver
  private var contexts = ServerTLSContexts()

  init(loop: any EventLoop, limits: GatewayLimits, resolver: HostResolver) {
    self.loop = loop
    deadline = limits.serverConnectDeadline
    outboundBytes = limits.outboundBytes
    self.resolver = resolver
  }

  /// Legs opened from now on read their certificates anew.
  mutating func forgetCertificates() { contexts.removeAll() }

  /// Opens one leg. The result's channel does not read until the caller has put its handler in.
  ///
  /// Fails with ``ServerLegFailure`` only, and leaves no connection behind when it does.
  mutating func open(_ target: ServerTarget) -> EventLoopFuture<ServerChannel> {
    let context: NIOSSLContext?
    do throws(ServerLegFailure) {
      context = target.tls == .disable ? nil : try contexts.context(for: target)
    } catch {
      return loop.makeFailedFuture(error)
    }
    let opened = loop.makePromise(of: ServerChannel.self)
    let watermark = ChannelOptions.Types.WriteBufferWaterMark(
      low: outboundBytes / 4, high: outboundBytes)
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(.init(deadline))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.writeBufferWaterMark, value: watermark)
    let connected =
      if let path = target.unixSocketPath {
        bootstrap.connect(unixDomainSocketPath: path)
      } else if let address = target.address {
        bootstrap.connect(to: address)
      } else {
        bootstrap.resolver(resolver.resolution(on: loop))
          .connect(host: target.host, port: Int(target.port))
      }
    let allowed = deadline
    let timeout = loop.scheduleTask(in: .init(deadline)) {
      opened.fail(ServerLegFailure.deadline(target, allowed))
    }
    connected.whenComplete { result in
      do {
        try result.get().pipeline.syncOperations.addHandler(
          ServerNegotiationHandler(target: target, tls: context, opened: opened))
      } catch {
        opened.fail(ServerLegFailure.connecting(to: target, error))
      }
    }
    opened.futureResult.whenComplete { result in
      timeout.cancel()
      if case .failure = result { connected.whenSuccess { $0.close(promise: nil) } }
    }
    return opened.futureResult
  }
}
