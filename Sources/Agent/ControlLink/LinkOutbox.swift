internal import GRPCCore

/// What waits to be written to the control plane.
struct LinkOutbox<Message: Sendable>: Sendable {
  /// More waiting means that the peer reads no more.
  static var maximumWaiting: Int { 64 }

  /// For the one writer.
  let messages: AsyncStream<Message>
  private let queue: AsyncStream<Message>.Continuation

  init() {
    (messages, queue) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingOldest(Self.maximumWaiting))
  }

  /// - Throws: `RPCError`, also where the writer is gone. gRPC cancels the writer as soon as the stream
  ///   breaks, and with it the queue ends: that is no cancellation of the sender, which would take the
  ///   link for ended for good.
  func send(_ message: Message) throws {
    switch queue.yield(message) {
    case .enqueued: return
    case .terminated: throw RPCError(code: .unavailable, message: "the link has ended")
    default:
      throw RPCError(
        code: .resourceExhausted,
        message: "the control plane has not read the agent's last \(Self.maximumWaiting) messages")
    }
  }

  func finish() { queue.finish() }
}
