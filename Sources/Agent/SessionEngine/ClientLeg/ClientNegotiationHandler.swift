internal import GatewayModel
import NIOCore
import NIOSSL
import NIOTLS
import SessionCore

/// The first handler of an accepted connection: runs the ``ClientNegotiation``, puts TLS in place
/// where it says so, and gives way to the session's handler.
///
/// Every connection has its own deadline, so a silent client holds up nobody.
final class ClientNegotiationHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Phase {
    case negotiating
    /// Direct TLS must name the protocol by ALPN; behind SSLRequest a client may leave it out.
    case handshaking(NIOSSLServerHandler, isDirect: Bool)
    case done
  }

  private let lane: SessionLane
  private let id = SessionID(.freshTimeOrdered())
  private let accepted = NIODeadline.now()
  private var negotiation: ClientNegotiation
  private var phase = Phase.negotiating
  private var deadline: Scheduled<Void>?

  init(lane: SessionLane, allowsPlaintext: Bool) {
    self.lane = lane
    negotiation = ClientNegotiation(
      options: ClientNegotiation.Options(allowsPlaintext: allowsPlaintext, offersTLS: true))
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let limit = lane.commons.configuration.limits.handshakeDeadline
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limit)) {
      self.expired(context, limit)
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
    deadline = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    phase = .done
    deadline?.cancel()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .negotiating = phase else { return }
    switch negotiation.receive(unwrapInboundIn(data)) {
    case .wait: break
    case .reply(let byte): context.writeAndFlush(wrapOutboundOut(byte), promise: nil)
    case .startTLS(let reply, let firstBytes):
      startTLS(context, reply: reply, firstBytes: firstBytes)
    case .startSession(let bytes):
      startSession(context, tls: "")
      context.pipeline.fireChannelRead(bytes)
    case .cancel(let key):
      phase = .done
      lane.cancel(key, from: address(context)).assumeIsolated().whenComplete { _ in
        context.close(promise: nil)
      }
    case .refuse(let refused, let answer):
      record(refused, context)
      phase = .done
      // Behind the record, like everything: the tick's commit comes first.
      context.eventLoop.assumeIsolated().execute {
        context.writeAndFlush(self.wrapOutboundOut(answer)).assumeIsolated().whenComplete { _ in
          context.close(mode: .output, promise: nil)
        }
      }
      linger(context)
    case .violation(let refused):
      record(refused, context)
      phase = .done
      context.close(promise: nil)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .handshakeCompleted(let name)? = event as? TLSUserEvent,
      case .handshaking(let handler, let isDirect) = phase
    else { return context.fireUserInboundEventTriggered(event) }
    guard !isDirect || name == ClientTLSIdentity.applicationProtocol else {
      refuse(
        context, .protocolViolation,
        "direct TLS without the application protocol"
          + " \"\(ClientTLSIdentity.applicationProtocol)\" (ALPN)")
      return context.close(promise: nil)
    }
    startSession(context, tls: handler.tlsVersion.map(\.recordName) ?? "TLS")
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A handshake that failed or a reset: nobody is there to be told.
    if case .handshaking = phase, let flaw = Self.handshakeFlaw(error) {
      refuse(context, .protocolViolation, "the TLS handshake failed: \(flaw)")
    }
    lane.commons.logger.debug(
      "client handshake failed",
      metadata: ["client": "\(address(context))", "error": "\(error)"])
    phase = .done
    context.close(promise: nil)
  }

  // MARK: Steps

  private func startTLS(
    _ context: ChannelHandlerContext, reply: ByteBuffer?, firstBytes: ByteBuffer?
  ) {
    if let reply { context.writeAndFlush(wrapOutboundOut(reply), promise: nil) }
    let handler = NIOSSLServerHandler(context: lane.commons.clientTLSContext)
    phase = .handshaking(handler, isDirect: firstBytes != nil)
    do {
      try context.pipeline.syncOperations.addHandler(handler, position: .before(self))
    } catch {
      return errorCaught(context: context, error: error)
    }
    // From the head of the pipeline, so that TLS sees what came before it was there.
    if let firstBytes {
      context.pipeline.fireChannelRead(firstBytes)
      context.pipeline.fireChannelReadComplete()
    }
  }

  private func startSession(_ context: ChannelHandlerContext, tls: String) {
    phase = .done
    let session = Session(
      lane: lane, id: id,
      facts: ClientLegFacts(address: address(context), tls: tls, accepted: accepted))
    do {
      try context.pipeline.syncOperations.addHandler(
        SessionLegHandler<ClientLegRole>(session: session), position: .after(self))
    } catch {
      return context.close(promise: nil)
    }
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }

  private func expired(_ context: ChannelHandlerContext, _ limit: Duration) {
    deadline = nil
    if case .done = phase {
    } else {
      refuse(
        context, .handshakeTimeout,
        "no session was asked for within \(limit.components.seconds) s")
    }
    phase = .done
    context.close(promise: nil)
  }

  /// Closes a refused leg even when the client does not.
  private func linger(_ context: ChannelHandlerContext) {
    deadline?.cancel()
    let linger = TimeAmount(lane.commons.configuration.limits.lingerDeadline)
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: linger) {
      context.close(promise: nil)
    }
  }

  // MARK: Records

  /// What TLS found wrong with the client's bytes, without the place in TLS's own sources; `nil`
  /// where the client just left, as who only looks whether the port is open does.
  private static func handshakeFlaw(_ error: any Error) -> String? {
    guard case .handshakeFailed(.sslError(let stack))? = error as? NIOSSLError,
      let first = stack.first, first != .eofDuringHandshake
    else { return nil }
    let text = first.description.split(separator: " at ").first ?? ""
    return text.split(separator: ":").last.map(String.init) ?? ""
  }

  private func refuse(_ context: ChannelHandlerContext, _ reason: ReasonCode, _ detail: String) {
    record(
      Refused(reason: reason, detail: detail, sqlstate: "", message: ""), context)
  }

  private func record(_ refused: Refused, _ context: ChannelHandlerContext) {
    SessionRecorder.refuse(refused, session: id, address: address(context), in: lane)
  }

  private func address(_ context: ChannelHandlerContext) -> String {
    context.remoteAddress?.hostAndPort ?? "unix"
  }
}
