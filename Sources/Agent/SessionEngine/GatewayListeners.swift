import Foundation
import NIOCore
import NIOPosix

/// Binds the gateway's addresses and gives each accepted connection to its event loop's lane.
enum GatewayListeners {
  /// Binds all or none.
  static func bind(
    _ configuration: GatewayConfiguration, group: MultiThreadedEventLoopGroup,
    lanes: [SessionLane]
  ) async throws(GatewayError) -> ([any Channel], [ListenAddress]) {
    var listeners: [any Channel] = []
    var addresses: [ListenAddress] = []
    for address in configuration.listen {
      do {
        let listener = try await bind(
          address, bootstrap: bootstrap(configuration, group: group, lanes: lanes))
        listeners.append(listener)
        addresses.append(bound(address, listener))
      } catch {
        for listener in listeners { try? await listener.close() }
        throw GatewayError(
          code: .listen,
          message: "cannot listen on \(address): \(cause(error));"
            + " stop what listens there or choose another address")
      }
    }
    return (listeners, addresses)
  }

  private static func bind(
    _ address: ListenAddress, bootstrap: ServerBootstrap
  ) async throws -> any Channel {
    switch address {
    case .tcp(let host, let port):
      return try await bootstrap.bind(host: host, port: port).get()
    case .unixSocket:
      // Left by an agent that was killed; one that lives would answer.
      if await answers(address) { throw IOError(errnoCode: EADDRINUSE, reason: "bind") }
      let path = address.description
      let listener = try await bootstrap.bind(
        unixDomainSocketPath: path, cleanupExistingSocketFile: true
      ).get()
      listener.closeFuture.whenComplete { _ in unlink(path) }
      return listener
    }
  }

  private static func answers(_ address: ListenAddress) async -> Bool {
    let probe = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(unixDomainSocketPath: address.description)
    guard let channel = try? await probe.get() else { return false }
    try? await channel.close()
    return true
  }

  private static func bootstrap(
    _ configuration: GatewayConfiguration, group: MultiThreadedEventLoopGroup,
    lanes: [SessionLane]
  ) -> ServerBootstrap {
    let outbound = configuration.limits.outboundBytes
    let allowsLoopback = configuration.allowPlaintextOnLoopback
    let limit = configuration.limits.connections
    return ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1_024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelOption(
        .writeBufferWaterMark,
        value: ChannelOptions.Types.WriteBufferWaterMark(low: outbound / 4, high: outbound)
      )
      .childChannelInitializer { channel in
        guard let lane = lanes.first(where: { $0.loop === channel.eventLoop }) else {
          return channel.close()
        }
        let census = lane.commons.sessions
        let open = census.connectionAccepted()
        channel.closeFuture.whenComplete { _ in census.connectionClosed() }
        guard open <= limit, !lane.isClosing else { return channel.close() }
        let isLocal: Bool
        switch channel.remoteAddress {
        case .unixDomainSocket?, nil: isLocal = true
        case let address?: isLocal = allowsLoopback && address.isLoopback
        }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            ClientNegotiationHandler(lane: lane, allowsPlaintext: isLocal))
        }
      }
  }

  private static func bound(_ address: ListenAddress, _ listener: any Channel) -> ListenAddress {
    guard case .tcp(let host, _) = address, let port = listener.localAddress?.port else {
      return address
    }
    return .tcp(host: host, port: port)
  }

  private static func cause(_ error: any Error) -> String {
    guard let error = error as? IOError else { return "\(error)" }
    return String(cString: strerror(error.errnoCode))
  }
}
