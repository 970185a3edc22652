import NIOCore
import NIOTLS
import Synchronization

/// What has arrived on a channel and was not taken yet.
final class Inbox: Sendable {
  struct Contents {
    var bytes = ByteBuffer()
    var isClosed = false
    var isSecured = false
    var failure: String?
  }

  private struct State {
    var contents = Contents()
    /// Grows with each change, so that a waiter misses none.
    var version = 0
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  func change(_ body: (inout Contents) -> Void) {
    let waiter = state.withLock { state in
      body(&state.contents)
      state.version += 1
      return state.waiter.take()
    }
    waiter?.resume()
  }

  /// Asks `attempt` after each change until it gives a value.
  ///
  /// One task at a time may wait.
  func take<Value>(
    _ what: String, within limit: Duration, on loop: any EventLoop,
    _ attempt: (inout Contents) throws -> Value?
  ) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    while true {
      let (value, version, contents) = try state.withLock { state in
        (try attempt(&state.contents), state.version, state.contents)
      }
      if let value { return value }
      if contents.isClosed {
        throw TestFailure(
          "\(what): the peer closed with \(contents.bytes.readableBytes) bytes not taken"
            + (contents.failure.map { " (\($0))" } ?? ""))
      }
      let left = deadline - ContinuousClock.now
      guard left > .zero else {
        throw TestFailure(
          "\(what): not within \(limit); \(contents.bytes.readableBytes) bytes not taken")
      }
      await change(after: version, within: left, on: loop)
    }
  }

  private func change(after version: Int, within left: Duration, on loop: any EventLoop) async {
    let timer = loop.scheduleTask(in: TimeAmount(left)) { self.change { _ in } }
    defer { timer.cancel() }
    await withCheckedContinuation { continuation in
      let changed = state.withLock { state in
        if state.version != version { return true }
        state.waiter = continuation
        return false
      }
      if changed { continuation.resume() }
    }
  }
}

/// Puts what a channel receives into an inbox.
final class InboxHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let inbox: Inbox

  init(_ inbox: Inbox) { self.inbox = inbox }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    inbox.change { $0.bytes.writeImmutableBuffer(bytes) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    inbox.change { $0.isClosed = true }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted = event as? TLSUserEvent { inbox.change { $0.isSecured = true } }
    if case .inputClosed = event as? ChannelEvent { inbox.change { $0.isClosed = true } }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    inbox.change { $0.failure = "\(error)" }
    context.close(promise: nil)
  }
}
