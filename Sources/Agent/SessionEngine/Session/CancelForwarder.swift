import NIOCore
internal import PostgresWire

/// Brings a CancelRequest to a server over a connection of its own.
enum CancelForwarder {
  /// Connects, secures the connection as the session's own leg, sends the server's real key, and
  /// waits until the server closes, which is its answer.
  ///
  /// Done when the server has closed, could not be reached, or the deadline has passed: cancelling
  /// is a wish, and who asked is told nothing in any case.
  static func forward(
    _ key: CancelKey, to target: ServerTarget, through connector: inout ServerConnector,
    deadline: Duration
  ) -> EventLoopFuture<Void> {
    connector.open(target).flatMap { leg in
      let channel = leg.channel
      let timeout = channel.eventLoop.scheduleTask(in: TimeAmount(deadline)) {
        channel.close(promise: nil)
      }
      channel.closeFuture.whenComplete { _ in timeout.cancel() }
      var request = channel.allocator.buffer(capacity: 16)
      StartupPacket.writeCancelRequest(key, into: &request)
      channel.writeAndFlush(request, promise: nil)
      return channel.closeFuture
    }
  }
}
