import NIOCore

/// Which leg of a session a handler stands for.
protocol SessionLegRole {
  static func attached(_ session: Session, _ context: ChannelHandlerContext)
  static func received(_ session: Session, _ bytes: ByteBuffer)
  static func read(_ session: Session)
  static func writabilityChanged(_ session: Session, _ isWritable: Bool)
  /// The channel failed and is closed for it.
  static func broke(_ session: Session, _ error: any Error)
  static func closed(_ session: Session)
}

/// The last handler of a leg: hands what the channel says to the session, and holds reads back.
///
/// It knows nothing of the protocol. Generic over the leg, so that no call is made through an
/// existential or a closure.
final class SessionLegHandler<Role: SessionLegRole>: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let session: Session

  init(session: Session) { self.session = session }

  func handlerAdded(context: ChannelHandlerContext) { Role.attached(session, context) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    Role.received(session, unwrapInboundIn(data))
  }

  func read(context: ChannelHandlerContext) { Role.read(session) }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    Role.writabilityChanged(session, context.channel.isWritable)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // TLS that broke, a reset connection: the leg is of no more use. Its end is told by
    // `channelInactive`.
    Role.broke(session, error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) { Role.closed(session) }
  func handlerRemoved(context: ChannelHandlerContext) { Role.closed(session) }
}

enum ClientLegRole: SessionLegRole {
  static func attached(_ session: Session, _ context: ChannelHandlerContext) {
    session.clientAttached(context)
  }
  static func received(_ session: Session, _ bytes: ByteBuffer) { session.clientReceived(bytes) }
  static func read(_ session: Session) { session.client.read() }
  static func writabilityChanged(_ session: Session, _ isWritable: Bool) {
    session.clientWritability(isWritable)
  }
  static func broke(_ session: Session, _ error: any Error) {}
  static func closed(_ session: Session) { session.clientClosed() }
}

enum ServerLegRole: SessionLegRole {
  static func attached(_ session: Session, _ context: ChannelHandlerContext) {
    session.serverAttached(context)
  }
  static func received(_ session: Session, _ bytes: ByteBuffer) { session.serverReceived(bytes) }
  static func read(_ session: Session) { session.server.read() }
  static func writabilityChanged(_ session: Session, _ isWritable: Bool) {
    session.serverWritability(isWritable)
  }
  static func broke(_ session: Session, _ error: any Error) { session.serverBroke(error) }
  static func closed(_ session: Session) { session.serverClosed() }
}
