internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// The client's messages in steady state: headers are walked, statements inspected, bytes passed.
extension SessionCore {
  /// What is to become of a message that was inspected.
  enum Fate {
    case forward
    /// Other bytes go to the server in its place.
    case replace(ByteBuffer)
    /// The session stands still before it.
    case wait(ClientStall)
    /// The session has ended.
    case ended
  }

  mutating func walkClient(_ chunk: ByteBuffer, at now: MonotonicTime) {
    var input = chunk
    var outlet = Outlet(chunk)
    while input.readableBytes > 0, isReady, !isClientMuted, !hasClientTerminated, stall == nil {
      let forwards = clientFrames.forwardsPassing
      if clientFrames.takePassing(from: &input) > 0 {
        if forwards {
          outlet.forward(upTo: input.readerIndex)
        } else {
          outlet.drop(upTo: input.readerIndex)
        }
        continue
      }
      walkClientMessage(&input, &outlet, at: now)
    }
    effects.server.send.append(contentsOf: outlet.finish())
    if stall != nil { keepForLater(input) }
  }

  private mutating func walkClientMessage(
    _ input: inout ByteBuffer, _ outlet: inout Outlet, at now: MonotonicTime
  ) {
    guard let byte = clientFrames.peekType(input) else { return }
    guard let type = FrontendMessageType(rawValue: byte), type != .password else {
      return violate(
        showing: ByteBuffer(bytes: [byte]), &outlet, input,
        detail: "a message of the unknown type \(byte)", at: now)
    }
    // Before a byte of the message is taken: what is held is read on only when more comes.
    if clientFrames.isIdle, type != .copyData,
      pipeline.queue.count >= limits.maximumPendingReplies
    {
      stall = .pendingReplies
      return outlet.drop(upTo: input.readerIndex)
    }
    let start = input.readerIndex
    let wasHeld = clientFrames.heldBytes > 0
    guard let header = clientFrames.peekHeader(&input) else {
      return outlet.drop(upTo: input.readerIndex)
    }
    guard header.length >= 4, header.length - 4 <= type.serverLimit else {
      var shown = ByteBuffer()
      shown.writeMultipleIntegers(header.type, UInt32(clamping: header.length))
      return violate(
        showing: shown, &outlet, input,
        detail: "a message of type \(type) with the length \(header.length)", at: now)
    }
    let isInspected = type.isInspected
    if pipeline.queue.isUncertain, isInspected || type == .flush && header.length > 4 {
      loseTrack(at: now)
      return outlet.drop(upTo: input.readerIndex)
    }
    if isInspected, header.length > limits.maximumStatementBytes {
      return refuseTooLarge(type, header, &input, &outlet, at: now)
    }
    let count = isInspected ? header.messageLength : FrameReader.Header.byteCount
    guard let taken = clientFrames.take(count, from: &input) else {
      return outlet.drop(upTo: input.readerIndex)
    }
    let fate =
      isInspected
      ? inspect(type, taken, at: now)
      : follow(type, bodyLength: header.length - 4, at: now)
    switch fate {
    case .forward:
      if taken.isOwned {
        outlet.insert(taken.bytes, resumingAt: input.readerIndex)
      } else {
        outlet.forward(upTo: input.readerIndex)
      }
      if !isInspected { clientFrames.pass(header.length - 4, forwarded: true) }
    case .replace(let bytes): outlet.insert(bytes, resumingAt: input.readerIndex)
    case .wait(let reason):
      stall = reason
      if wasHeld {
        // The message stood in storage of its own: what is read later begins with it.
        outlet.drop(upTo: input.readerIndex)
        backlog = taken.bytes
      } else {
        outlet.drop(upTo: start)
        input.moveReaderIndex(to: start)
      }
    case .ended: outlet.drop(upTo: input.readerIndex)
    }
  }

  /// A message that the server answers by ending the connection: it is shown what the client
  /// sent, as far as it looks itself, so that earlier replies come first; the rest is not taken.
  private mutating func violate(
    showing bytes: ByteBuffer, _ outlet: inout Outlet, _ input: ByteBuffer, detail: String,
    at now: MonotonicTime
  ) {
    let error = ClientError(sqlstate: "08P01", message: "invalid frontend message")
    recordRefusal(.protocolViolation, detail: "the client sent \(detail)", error)
    isClientMuted = true
    outlet.insert(bytes, resumingAt: input.writerIndex)
    effects.timers.append(.set(.drain, after: limits.drainTimeout))
  }

  private mutating func refuseTooLarge(
    _ type: FrontendMessageType, _ header: FrameReader.Header, _ input: inout ByteBuffer,
    _ outlet: inout Outlet, at now: MonotonicTime
  ) {
    guard !endWhenExpired(at: now) else { return outlet.drop(upTo: input.readerIndex) }
    let start = input.readerIndex
    let taken = clientFrames.take(FrameReader.Header.byteCount, from: &input)
    outlet.drop(upTo: taken == nil ? start : input.readerIndex)
    clientFrames.pass(header.length - 4, forwarded: false)
    let refusal = StatementRefusal(
      reason: .tooLarge, sqlstate: "54000",
      message: "the statement is too large for this gateway",
      hint: "Send at most \(limits.maximumStatementBytes) bytes in one message; use COPY for data.",
      detail: "The message \(type) has \(header.length) bytes.")
    let bytes = refuse(type, refusal, text: ByteBuffer(), isUnnamed: false, at: now)
    outlet.insert(bytes, resumingAt: input.readerIndex)
  }

  /// Messages that pass without being looked into.
  private mutating func follow(
    _ type: FrontendMessageType, bodyLength: Int, at now: MonotonicTime
  ) -> Fate {
    switch type {
    case .copyData: break
    case .copyDone, .copyFail: _ = pipeline.queue.append(.copyEnd, at: now)
    case .sync: pipeline.forwardedSync(isMalformed: bodyLength > 0, at: now)
    case .flush where bodyLength > 0: _ = pipeline.queue.append(.malformedFlush, at: now)
    case .flush: break
    case .terminate: hasClientTerminated = true
    case .bind, .close, .describe, .execute, .functionCall, .parse, .password, .query: break
    }
    return .forward
  }

  /// Keeps what the client sent until the session goes on, and asks for no more.
  mutating func keepForLater(_ bytes: ByteBuffer) {
    if backlog.readableBytes == 0 { backlog = bytes } else { backlog.writeImmutableBuffer(bytes) }
    if isClientOpen, backlog.readableBytes > 0 || stall != .login { pauseReading() }
  }

  mutating func pauseReading() {
    guard !isReadingPaused else { return }
    isReadingPaused = true
    effects.client.reading = .pause
  }

  private func isStillDue(_ stall: ClientStall) -> Bool {
    switch stall {
    case .login: false
    case .pendingReplies: pipeline.queue.count > limits.maximumPendingReplies / 2
    case .unsettledStatement(let name): canWait && !pipeline.catalogue.statement(name).isKnown
    case .unsettledPortal(let name): canWait && !pipeline.catalogue.portal(name).isKnown
    case .unsettledParser: !isParserSettled
    }
  }

  /// Goes on with what was kept, when what it waits for is there.
  mutating func resumeClient(at now: MonotonicTime) {
    guard isReady, let reason = stall else { return }
    guard !isStillDue(reason) else { return }
    stall = nil
    let kept = backlog
    backlog = ByteBuffer()
    walkClient(kept, at: now)
    guard stall == nil, isReadingPaused, isClientOpen else { return }
    isReadingPaused = false
    effects.client.reading = effects.client.reading == .pause ? nil : .resume
  }
}

extension FrontendMessageType {
  /// Whether a message is taken whole before it passes.
  var isInspected: Bool {
    switch self {
    case .bind, .close, .describe, .execute, .functionCall, .parse, .query: true
    case .copyData, .copyDone, .copyFail, .flush, .password, .sync, .terminate: false
    }
  }
}
