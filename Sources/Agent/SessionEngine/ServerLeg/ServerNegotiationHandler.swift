import NIOCore
import NIOSSL
import NIOTLS
internal import PostgresWire
import SessionCore

/// What the session needs to know of a server leg that is open and secured.
struct ServerChannel: Sendable {
  var channel: any Channel
  /// The address reached, as the record names it.
  var address: String
  /// The protocol version of TLS, empty without.
  var tls: String
  var protection: ServerConnected.Protection
  /// The `tls-server-end-point` hash of the server's certificate, where there is one.
  var channelBinding: [UInt8]?

  /// 24 bytes for a SCRAM exchange on the leg.
  static func freshNonce() -> [UInt8] {
    var random = SystemRandomNumberGenerator()
    return (0..<24).map { _ in random.next() }
  }
}

/// Secures a fresh connection to a server by the target's TLS mode, then hands the channel on.
///
/// Runs the ``ServerNegotiation`` and puts TLS in front of itself when that says so. It leaves the
/// pipeline in the moment it hands the channel on, so that the next handler misses nothing.
final class ServerNegotiationHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Phase {
    case negotiating
    case handshaking(NIOSSLClientHandler)
    case done
  }

  private let target: ServerTarget
  private let tls: NIOSSLContext?
  private let opened: EventLoopPromise<ServerChannel>
  private var negotiation: ServerNegotiation
  private var phase = Phase.negotiating

  /// - Parameters:
  ///   - tls: `nil` for a target without TLS.
  ///   - opened: Completed once, with the channel or with a ``ServerLegFailure``.
  init(target: ServerTarget, tls: NIOSSLContext?, opened: EventLoopPromise<ServerChannel>) {
    self.target = target
    self.tls = tls
    self.opened = opened
    negotiation = ServerNegotiation(mode: target.tls)
  }

  /// The channel is connected by now: ``ServerConnector`` adds the handler after the race of
  /// addresses is won, so that a loser never speaks.
  func handlerAdded(context: ChannelHandlerContext) {
    guard context.channel.isActive else { return channelInactive(context: context) }
    guard let request = negotiation.request else { return succeed(context, handler: nil) }
    context.writeAndFlush(wrapOutboundOut(request), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch negotiation.receive(unwrapInboundIn(data)) {
    case .wait: break
    case .startTLS: startTLS(context)
    case .fail(let failure):
      fail(
        context,
        ServerLegFailure(reason: failure.reason, detail: "\(target): \(failure.detail)"))
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent, case .handshaking(let handler) = phase {
      succeed(context, handler: handler)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch phase {
    case .handshaking: fail(context, .securing(target, error))
    case .negotiating, .done: fail(context, .connecting(to: target, error))
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    let when =
      if case .handshaking = phase { "during the TLS handshake" } else { "without an answer" }
    fail(
      context,
      ServerLegFailure(
        reason: .serverUnreachable,
        detail: "\(target) closed the connection \(when); check that it is a PostgreSQL server"))
  }

  private func startTLS(_ context: ChannelHandlerContext) {
    guard let tls else { return }
    do {
      let handler = try NIOSSLClientHandler(
        context: tls, serverHostname: target.isAddress ? nil : target.host)
      phase = .handshaking(handler)
      try context.pipeline.syncOperations.addHandler(handler, position: .before(self))
    } catch {
      fail(context, .securing(target, error))
    }
  }

  private func succeed(_ context: ChannelHandlerContext, handler: NIOSSLClientHandler?) {
    phase = .done
    let certificate = handler?.peerCertificate.flatMap { try? $0.toDERBytes() }
    let remote = context.remoteAddress
    let leg = ServerChannel(
      channel: context.channel,
      address: target.unixSocketPath ?? remote?.hostAndPort ?? target.description,
      tls: handler?.tlsVersion.map(\.recordName) ?? "",
      protection: handler != nil ? .tls : remote?.isLoopback ?? true ? .local : .none,
      channelBinding: certificate.flatMap { TLSServerEndPoint.binding(certificateDER: $0) })
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    // The listener runs before this returns, and puts its own handler in.
    opened.succeed(leg)
  }

  private func fail(_ context: ChannelHandlerContext, _ failure: ServerLegFailure) {
    phase = .done
    // Ignored when the deadline came first.
    opened.fail(failure)
    context.close(promise: nil)
  }
}

extension TLSVersion {
  /// As the record names it.
  var recordName: String {
    switch self {
    case .tlsv1: "TLSv1"
    case .tlsv11: "TLSv1.1"
    case .tlsv12: "TLSv1.2"
    case .tlsv13: "TLSv1.3"
    }
  }
}

extension SocketAddress {
  /// `host:port`, with an IPv6 address in brackets; `unix` for a Unix socket without a path.
  var hostAndPort: String {
    switch self {
    case .v4: "\(ipAddress ?? "?"):\(port ?? 0)"
    case .v6: "[\(ipAddress ?? "?")]:\(port ?? 0)"
    case .unixDomainSocket: pathname.flatMap { $0.isEmpty ? nil : $0 } ?? "unix"
    }
  }

  /// Whether it is of the loopback interface, or a Unix socket, which never leaves the host.
  var isLoopback: Bool {
    switch self {
    case .unixDomainSocket: true
    case .v4, .v6:
      // An IPv4 peer of a dual-stack socket shows as ::ffff:127.x.
      switch ipAddress {
      case "::1"?: true
      case let address?: address.hasPrefix("127.") || address.hasPrefix("::ffff:127.")
      case nil: false
      }
    }
  }
}
