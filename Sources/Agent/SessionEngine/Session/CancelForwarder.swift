import NIOCore
internal import PostgresWire

/// Brings a CancelRequest to a server over a connection of its own.
enum CancelForwarder {
  /// Connects, secures the connection as the session's own leg, sends the server's real key, and
  /// waits until the server closes, which is its answer: the signal is at its process by then.
  ///
  /// Done when the server has closed, could not be reached, the deadline has passed, or there is
  /// nothing left to cancel: cancelling is a wish, and who asked is told nothing in any case.
  ///
  /// - Parameters:
  ///   - deadline: From the open connection to its end.
  ///   - willSend: Asked when the connection is open, right before the key leaves; sends nothing
  ///     when it says no.
  static func forward(
    _ key: CancelKey, to target: ServerTarget, through connector: inout ServerConnector,
    deadline: Duration, willSend: @escaping () -> Bool
  ) -> EventLoopFuture<Void> {
    let opened = connector.open(target)
    let loop = opened.eventLoop
    let done = loop.makePromise(of: Void.self)
    opened.assumeIsolated().whenComplete { result in
      guard case .success(let leg) = result else { return done.succeed() }
      let channel = leg.channel
      guard willSend() else {
        channel.close(promise: nil)
        return done.succeed()
      }
      let timeout = loop.scheduleTask(in: TimeAmount(deadline)) { channel.close(promise: nil) }
      channel.closeFuture.whenComplete { _ in
        timeout.cancel()
        done.succeed()
      }
      var request = channel.allocator.buffer(capacity: CancelKey.secretLength.upperBound + 16)
      StartupPacket.writeCancelRequest(key, into: &request)
      channel.writeAndFlush(request, promise: nil)
    }
    return done.futureResult
  }
}
