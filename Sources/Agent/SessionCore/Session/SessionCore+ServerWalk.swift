internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// The server's messages: rows are counted by their headers, replies joined with statements.
extension SessionCore {
  mutating func walkServer(_ chunk: ByteBuffer, at now: MonotonicTime) {
    var input = chunk
    var outlet = Outlet(chunk)
    while input.readableBytes > 0, isServerOpen {
      let forwards = serverFrames.forwardsPassing
      if serverFrames.takePassing(from: &input) > 0 {
        if forwards {
          outlet.forward(upTo: input.readerIndex)
        } else {
          outlet.drop(upTo: input.readerIndex)
        }
        continue
      }
      if serverFrames.isIdle, isPassing, walkRows(&input, &outlet) { continue }
      walkServerMessage(&input, &outlet, at: now)
      // Right here and not at the end of the chunk, so that chunks make no difference.
      if stall != nil { resumeClient(at: now) }
    }
    deliver(outlet.finish())
  }

  private var isPassing: Bool {
    switch phase {
    case .ready, .draining: true
    default: false
    }
  }

  /// Bytes for the client go nowhere when it is gone.
  private mutating func deliver(_ slices: ByteSlices) {
    guard isClientOpen || effects.client.close else { return }
    effects.client.send.append(contentsOf: slices)
  }

  private mutating func walkRows(_ input: inout ByteBuffer, _ outlet: inout Outlet) -> Bool {
    // Rows out of turn are the general path's matter.
    guard pipeline.queue.head?.kind.hasRows == true else { return false }
    var run = RowRun(at: input)
    guard run.chunkBytes > 0 else { return false }
    if let left = rowsLeft, run.rows > left {
      guard left > 0 else { return withhold(run, &input, &outlet) }
      run = run.prefix(left, of: input)
    }
    pipeline.progress.note(rows: run.rows)
    pipeline.progress.note(bytes: run.messageBytes)
    input.moveReaderIndex(forwardBy: run.chunkBytes)
    outlet.forward(upTo: input.readerIndex)
    serverFrames.pass(run.missing, forwarded: true)
    return true
  }

  private mutating func walkServerMessage(
    _ input: inout ByteBuffer, _ outlet: inout Outlet, at now: MonotonicTime
  ) {
    guard let header = serverFrames.peekHeader(&input) else {
      return outlet.drop(upTo: input.readerIndex)
    }
    guard let type = BackendMessageType(rawValue: header.type), header.length >= 4,
      header.length <= RowRun.maximumLength
    else {
      outlet.drop(upTo: input.readerIndex)
      return failServer("a message of type \(header.type) and length \(header.length)", at: now)
    }
    guard isPassing else {
      takeWholeLoginMessage(header, &input, at: now)
      return outlet.drop(upTo: input.readerIndex)
    }
    guard type.isAsynchronous || pipeline.queue.expects(type) else {
      outlet.drop(upTo: input.readerIndex)
      let head = pipeline.queue.head.map { "in answer to \($0.kind)" }
      return failServer("a message \(type) \(head ?? "that nothing asked for")", at: now)
    }
    if type.isRow, rowsLeft == 0 {
      return withhold(header, &input, &outlet, at: now)
    }
    let wanted = type.isInspected ? header.messageLength : FrameReader.Header.byteCount
    let limit = FrameReader.Header.byteCount + limits.maximumInspectedServerBytes
    let count = min(wanted, limit)
    guard let taken = serverFrames.take(count, from: &input) else {
      return outlet.drop(upTo: input.readerIndex)
    }
    pipeline.count(type, bytes: header.messageLength)
    let shown = take(type, taken, isWhole: count == wanted, at: now)
    guard isServerOpen || shown != nil else { return outlet.drop(upTo: input.readerIndex) }
    if let shown {
      outlet.insert(shown, resumingAt: input.readerIndex)
      serverFrames.pass(header.messageLength - count, forwarded: false)
    } else {
      if taken.isOwned {
        outlet.insert(taken.bytes, resumingAt: input.readerIndex)
      } else {
        outlet.forward(upTo: input.readerIndex)
      }
      serverFrames.pass(header.messageLength - count, forwarded: true)
    }
  }

  private mutating func takeWholeLoginMessage(
    _ header: FrameReader.Header, _ input: inout ByteBuffer, at now: MonotonicTime
  ) {
    guard header.length <= limits.maximumInspectedServerBytes else {
      return failServer("a message of \(header.length) bytes during login", at: now)
    }
    guard let taken = serverFrames.take(header.messageLength, from: &input) else { return }
    takeLoginMessage(type: header.type, body: taken.body, at: now)
  }

  /// Takes a message in; what is returned is shown to the client in its place.
  private mutating func take(
    _ type: BackendMessageType, _ taken: FrameReader.Taken, isWhole: Bool, at now: MonotonicTime
  ) -> ByteBuffer? {
    if !type.isAsynchronous, type != .readyForQuery { pipeline.queue.noteReply() }
    if type.endsResult, pipeline.progress.isRefused {
      endOverLimit(at: now)
      return nil
    }
    switch type {
    case .parseComplete, .bindComplete, .closeComplete, .noData: pipeline.changeDone()
    case .rowDescription: pipeline.rowsDescribed()
    case .parameterDescription: describe(taken.body, isWhole, at: now)
    case .commandComplete: complete(taken.body, isWhole, at: now)
    case .emptyQueryResponse: pipeline.emptyQuery(at: now, audit: &effects.audit)
    case .portalSuspended: pipeline.portalSuspended(at: now, audit: &effects.audit)
    case .copyInResponse: pipeline.queue.beginCopyIn()
    case .errorResponse: return takeError(taken, isWhole, at: now)
    case .readyForQuery: takeReady(taken.body, at: now)
    case .parameterStatus: return takeStatus(taken.body, at: now)
    case .authentication, .backendKeyData, .copyBothResponse, .negotiateProtocolVersion:
      failServer("a message \(type) when it is not due", at: now)
    case .copyData, .copyDone, .copyOutResponse, .dataRow, .functionCallResponse: break
    case .noticeResponse, .notificationResponse: break
    }
    return nil
  }

  private mutating func describe(_ body: ByteBuffer, _ isWhole: Bool, at now: MonotonicTime) {
    guard isWhole else { return }
    do throws(WireError) {
      let description = try BackendMessage.ParameterDescription(decoding: body)
      pipeline.catalogue.describe(parameterOIDs: description.parameterOIDs)
    } catch {
      failServer(error, at: now)
    }
  }

  /// A tag that is longer than what is looked at counts no rows.
  private mutating func complete(_ body: ByteBuffer, _ isWhole: Bool, at now: MonotonicTime) {
    var command = BackendMessage.CommandComplete(tag: "")
    if isWhole {
      do throws(WireError) {
        command = try BackendMessage.CommandComplete(decoding: body)
      } catch {
        return failServer(error, at: now)
      }
    }
    pipeline.commandComplete(command, at: now, audit: &effects.audit)
  }

  private mutating func takeError(
    _ taken: FrameReader.Taken, _ isWhole: Bool, at now: MonotonicTime
  ) -> ByteBuffer? {
    let body = taken.body
    if isWhole, let flaw = ServerError.flaw(of: body) {
      failServer(flaw, at: now)
      return nil
    }
    var error = ServerError(
      body: body, maximumMessageBytes: limits.maximumRecordedMessageBytes)
    let rowRefusal = rowRefusal(answeredBy: error)
    if let rowRefusal { error.show(rowRefusal) }
    if error.endsSession { lastFatal = error }
    let poison = poison
    let verdict = pipeline.error(error, at: now, audit: &effects.audit) { statement in
      poison.isNamed(in: body, statement)
    }
    switch verdict {
    case .forward: return rowRefusal.map { ClientError($0).bytes }
    case .show(let refusal): return ClientError(refusal).bytes
    case .loseTrack:
      loseTrack(at: now)
      // Why the COPY failed comes first.
      return isWhole ? taken.bytes : nil
    }
  }

  /// A COPY failed with Syncs in its data, and whether the server discards or executes a message
  /// behind them does not show: rather than be recorded wrong, the session ends.
  mutating func loseTrack(at now: MonotonicTime) {
    end(
      .protocolViolation, detail: "messages behind a Sync in the data of a COPY that failed",
      error: ClientError(
        sqlstate: "08P01", message: "invalid message sequence during COPY",
        hint: "End a COPY with CopyDone or CopyFail and a Sync before the next message."), at: now)
  }

  private mutating func takeReady(_ body: ByteBuffer, at now: MonotonicTime) {
    do throws(WireError) {
      let status = try BackendMessage.ReadyForQuery(decoding: body).status
      pipeline.readyForQuery(status: status.rawValue, at: now, audit: &effects.audit)
      lastActiveAt = now
    } catch {
      failServer(error, at: now)
    }
  }

  /// What is returned is shown to the client instead: its own application name where the server
  /// went back to the stamp (`RESET`, `DISCARD ALL`, a rollback). A name that the client sets later
  /// is the client's own, and passes.
  private mutating func takeStatus(_ body: ByteBuffer, at now: MonotonicTime) -> ByteBuffer? {
    let status: BackendMessage.ParameterStatus
    do throws(WireError) {
      status = try BackendMessage.ParameterStatus(decoding: body)
    } catch {
      failServer(error, at: now)
      return nil
    }
    if violatesPin(status) {
      let detail = "the server reports \(status.name) = \"\(status.value)\""
      end(.protectedSetting, detail: detail, at: now)
    }
    guard status.name == "application_name", let names, status.value == names.stamped else {
      return nil
    }
    var bytes = ByteBuffer()
    BackendMessage.ParameterStatus(name: status.name, value: names.asserted).encode(into: &bytes)
    return bytes
  }
}

extension BackendMessageType {
  /// Whether a server may send it when nothing waits for an answer (PostgreSQL documentation,
  /// section 54.2.7 "Asynchronous Operations"). An error then is that of a connection that ends.
  var isAsynchronous: Bool {
    switch self {
    case .errorResponse, .noticeResponse, .notificationResponse, .parameterStatus: true
    // Refused at any time, with a cause of their own.
    case .authentication, .backendKeyData, .copyBothResponse, .negotiateProtocolVersion: true
    default: false
    }
  }

  /// Whether the body is looked at, once the session is ready.
  var isInspected: Bool {
    switch self {
    case .commandComplete, .errorResponse, .parameterDescription, .parameterStatus, .readyForQuery:
      true
    default: false
    }
  }
}
