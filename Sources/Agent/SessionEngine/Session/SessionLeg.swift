import NIOCore
import SessionCore

/// One leg of a session: what is to be sent on it in this tick, whether it may be read, and how
/// far its end has come. Used on the session's event loop only.
///
/// A class, because a call into the channel can come back into the session before it returns.
final class SessionLeg {
  enum Closing: Comparable {
    case open
    /// To be closed behind what is pending.
    case wanted
    /// The last bytes are on their way; what comes in is thrown away.
    case flushing
    case closed
  }

  /// Of the leg's handler, from when it is added until the channel closed.
  private(set) var context: ChannelHandlerContext?
  /// Where writes reach the socket unchanged: below TLS, where there is TLS.
  private var transport: ChannelHandlerContext?
  private(set) var closing = Closing.open
  private var pending = ByteSlices()
  /// What goes out behind ``pending``, when records are on the medium.
  private var held = HeldBytes()
  /// Whether a message begins where ``held`` does.
  private var isHeldAtBoundary = false
  private var isCutOff = false
  private var isPausedByCore = false
  private var isPausedByOther = false
  private var readIsDue = false
  private var deadline: Scheduled<Void>?

  var isOpen: Bool { context != nil }
  var hasTLS: Bool { transport !== context }
  private var mayRead: Bool { closing >= .flushing || !(isPausedByCore || isPausedByOther) }

  func attach(_ context: ChannelHandlerContext, transport: ChannelHandlerContext?) {
    self.context = context
    self.transport = transport ?? context
  }

  /// The channel is closed; breaks the cycle of session and handler.
  func detach() {
    context = nil
    transport = nil
    closing = .closed
    pending = ByteSlices()
    held = HeldBytes()
    deadline?.cancel()
    deadline = nil
  }

  // MARK: Reading

  /// The channel wants to read; held back while the leg is paused.
  func read() {
    if mayRead {
      context?.read()
    } else {
      readIsDue = true
    }
  }

  /// The core wants no more, or more again.
  func setPausedByCore(_ paused: Bool) {
    isPausedByCore = paused
    resumeReading()
  }

  /// The other leg has too much to send, or no longer.
  func setPausedByOther(_ paused: Bool) {
    isPausedByOther = paused
    resumeReading()
  }

  private func resumeReading() {
    guard readIsDue, mayRead else { return }
    readIsDue = false
    context?.read()
  }

  // MARK: Sending

  func append(_ slices: ByteSlices) {
    guard closing < .flushing, !isCutOff else { return }
    if !held.isEmpty {
      held.append(slices)
    } else if pending.isEmpty {
      pending = slices
    } else {
      pending.append(contentsOf: slices)
    }
  }

  /// Forgets what was to be sent in this tick. When there was something, nothing more is sent: the
  /// peer would take it for the rest of a message.
  func dropPending() {
    if !pending.isEmpty || held.hasBytes { isCutOff = true }
    pending = ByteSlices()
    held = HeldBytes()
  }

  // MARK: Waiting for the medium

  /// Whether something has to be on the medium before more is sent.
  var isHolding: Bool { !held.isEmpty }
  var holdsTooMuch: Bool { held.isFull }

  /// What is appended from now on is sent when everything below `seq` is on the medium.
  ///
  /// - Parameter atBoundary: Whether what was appended so far ends with a whole message.
  func hold(until seq: UInt64, atBoundary: Bool) {
    guard closing < .flushing, !isCutOff else { return }
    if held.isEmpty { isHeldAtBoundary = atBoundary }
    held.hold(until: seq)
  }

  /// Everything below `synced` is on the medium: what waited for that is sent with the next flush.
  func release(below synced: UInt64) {
    guard !held.isEmpty else { return }
    let released = held.release(below: synced)
    pending.append(contentsOf: released)
    // More may wait in the middle of a message.
    if !released.isEmpty { isHeldAtBoundary = false }
  }

  /// Forgets what waits. Something else can be sent instead where a message would have begun, else
  /// nothing more is sent.
  func dropHeld() {
    if held.hasBytes, !isHeldAtBoundary { isCutOff = true }
    held = HeldBytes()
  }

  func wantClose() {
    if closing == .open { closing = .wanted }
  }

  /// Writes what is pending and flushes once; closes behind it when that is wanted.
  func flush(linger: TimeAmount) {
    guard let context else { return }
    if !pending.isEmpty {
      let slices = pending
      pending = ByteSlices()
      for slice in slices { context.write(NIOAny(slice), promise: nil) }
      context.flush()
    }
    if closing == .wanted, held.isEmpty { beginClose(linger: linger) }
  }

  /// Lets the last bytes out before the socket is closed, and reads on meanwhile: closing a socket
  /// with unread bytes resets the connection, and the peer would lose our last message.
  private func beginClose(linger: TimeAmount) {
    guard let context, let transport else { return }
    closing = .flushing
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: linger) {
      context.channel.close(promise: nil)
    }
    let written = context.eventLoop.makePromise(of: Void.self)
    let closesTLS = hasTLS
    written.futureResult.assumeIsolated().whenComplete { _ in
      // TLS waits for the peer's close_notify by itself.
      context.close(mode: closesTLS ? .all : .output, promise: nil)
    }
    // Completed when everything written before has reached the socket.
    transport.writeAndFlush(NIOAny(ByteBuffer()), promise: written)
    resumeReading()
  }
}
