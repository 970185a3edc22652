internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// Statements on their way in: judged, recorded, remembered, forwarded.
extension SessionCore {
  mutating func inspect(
    _ type: FrontendMessageType, _ taken: FrameReader.Taken, at now: MonotonicTime
  ) -> Fate {
    switch type {
    case .query: query(taken, at: now)
    case .parse: parse(taken, at: now)
    case .bind: bind(taken, at: now)
    case .execute: execute(taken, at: now)
    case .functionCall: functionCall(taken, at: now)
    case .describe: describe(taken, at: now)
    case .close: close(taken, at: now)
    case .copyData, .copyDone, .copyFail, .flush, .password, .sync, .terminate: .forward
    }
  }

  private mutating func query(_ taken: FrameReader.Taken, at now: MonotonicTime) -> Fate {
    guard !endWhenExpired(at: now) else { return .ended }
    guard isParserSettled else { return .wait(.unsettledParser) }
    let body = taken.body
    // One that is malformed is recorded as it came; the server answers it with an error.
    let text = (try? FrontendMessage.Query(decoding: body))?.sql ?? body
    let judgement = judgement(on: judge.facts(of: text))
    if case .refuse(let refusal) = judgement.verdict {
      return .replace(
        refuse(
          .query, refusal, text: text, observed: judgement.observed, isUnnamed: true, at: now))
    }
    let statement = pipeline.nextStatement()
    begin(
      StatementBegun(
        statement: statement, kind: .simple, text: text,
        transactionStatus: pipeline.transactionStatus), by: judgement)
    forwardedExecution(.query, statement, changing: SQLChanges(in: text), at: now)
    limitRows(of: statement, by: judgement)
    if policy.isPowerSafe { awaitMedium(StatementReach(of: text)) }
    return .forward
  }

  private mutating func parse(_ taken: FrameReader.Taken, at now: MonotonicTime) -> Fate {
    guard !endWhenExpired(at: now) else { return .ended }
    guard isParserSettled else { return .wait(.unsettledParser) }
    guard let message = try? FrontendMessage.Parse(decoding: taken.body) else {
      forwardedChange(.parse, .none, at: now)
      return .forward
    }
    let understood =
      pipeline.catalogue.known(message.name, text: message.sql)?.understood
      ?? UnderstoodText(judge.facts(of: message.sql))
    // Already here, so that who prepares what is refused learns it at once.
    let judgement = judge.judge(understood.facts)
    var verdict = judgement.verdict
    if verdict == .allow, !hasRoom(for: message.sql.readableBytes) { verdict = .refuse(noRoom) }
    if case .refuse(let refusal) = verdict {
      return .replace(
        refuse(
          .parse, refusal, text: message.sql, observed: judgement.observed,
          isUnnamed: message.name.isUnnamed, at: now))
    }
    let prepared = pipeline.catalogue.prepared(
      name: message.name, text: message.sql, isOwned: taken.isOwned,
      parameterOIDs: message.parameterOIDs, understood: understood,
      judgingReach: policy.isPowerSafe)
    forwardedChange(.parse, .prepare(message.name, prepared), at: now)
    return .forward
  }

  private mutating func bind(_ taken: FrameReader.Taken, at now: MonotonicTime) -> Fate {
    guard !endWhenExpired(at: now) else { return .ended }
    guard let message = try? FrontendMessage.Bind(decoding: taken.body) else {
      forwardedChange(.bind, .none, at: now)
      return .forward
    }
    let found = pipeline.catalogue.statement(message.statement)
    guard found.isKnown || !canWait else { return .wait(.unsettledStatement(message.statement)) }
    let prepared = found.value
    let judgement = judgementOnBind(message, prepared, taken.bytes.readableBytes)
    if case .refuse(let refusal) = judgement?.verdict {
      return .replace(
        refuse(
          .bind, refusal, text: prepared?.text ?? ByteBuffer(),
          observed: judgement?.observed ?? [], isUnnamed: false, at: now))
    }
    let portal = Portal(
      statementName: message.statement, statement: prepared,
      parameters: BoundParameters.read(
        message, types: prepared?.parameterOIDs ?? [], effort: limits.maximumDecodedBytes),
      number: pipeline.catalogue.nextPortal())
    forwardedChange(.bind, .bind(message.portal, portal), at: now)
    return .forward
  }

  /// A portal with a name can be run by FETCH, so what is behind it is judged as it is made.
  private func judgementOnBind(
    _ message: FrontendMessage.Bind, _ prepared: PreparedStatement?, _ bytes: Int
  ) -> StatementJudgement? {
    guard hasRoom(for: bytes) else { return StatementJudgement(.refuse(noRoom)) }
    guard !message.portal.isUnnamed else { return nil }
    return judge.judge((prepared?.understood ?? .unknown).facts)
  }

  private mutating func execute(_ taken: FrameReader.Taken, at now: MonotonicTime) -> Fate {
    guard !endWhenExpired(at: now) else { return .ended }
    guard let message = try? FrontendMessage.Execute(decoding: taken.body) else {
      forwardedOther(.malformed, at: now)
      return .forward
    }
    let found = pipeline.catalogue.portal(message.portal)
    guard found.isKnown || !canWait else { return .wait(.unsettledPortal(message.portal)) }
    let portal = found.value
    let judgement = judgement(on: (portal?.understood ?? .unknown).facts)
    if case .refuse(let refusal) = judgement.verdict {
      let text = portal?.statement?.text ?? ByteBuffer()
      return .replace(
        refuse(
          .execute, refusal, text: text, observed: judgement.observed, isUnnamed: false, at: now))
    }
    let statement = pipeline.nextStatement()
    let parameters = portal.map { pipeline.parametersToRecord(of: $0) } ?? []
    begin(
      StatementBegun(
        statement: statement, kind: .extended, text: portal?.statement?.text ?? ByteBuffer(),
        textVersion: portal?.statement?.version ?? 0, parameters: parameters,
        transactionStatus: pipeline.transactionStatus,
        preparedStatement: portal?.statementName.text ?? "", portal: message.portal.text,
        rowLimit: UInt32(max(0, message.maximumRows))), by: judgement)
    forwardedExecution(
      .execute, statement, changing: portal?.statement?.changes ?? .all, at: now)
    if policy.isPowerSafe { awaitMedium(portal?.statement?.reach ?? .beyond) }
    if limitRows(of: statement, by: judgement) {
      pipeline.catalogue.began(statement, executing: message.portal)
    }
    return .forward
  }

  private static let calledFunction = StatementFacts(
    commands: ["CALL"], effects: .unknown, opacity: .code)

  private mutating func functionCall(
    _ taken: FrameReader.Taken, at now: MonotonicTime
  ) -> Fate {
    guard !endWhenExpired(at: now) else { return .ended }
    // Which function it is only the server knows.
    let judgement = judge.judge(Self.calledFunction)
    var verdict = policy.verdictOnFunctionCall
    if verdict == .allow { verdict = judgement.verdict }
    if case .refuse(let refusal) = verdict {
      return .replace(
        refuse(
          .functionCall, refusal, text: ByteBuffer(), observed: judgement.observed,
          isUnnamed: false, at: now))
    }
    // One that is malformed calls nothing; the server answers it with an error.
    let call = try? FrontendMessage.FunctionCall(decoding: taken.body)
    let statement = pipeline.nextStatement()
    begin(
      StatementBegun(
        statement: statement, kind: .functionCall,
        text: ByteBuffer(string: call.map { "\($0.functionOID)" } ?? ""),
        parameters: call.map(BoundParameters.read) ?? [],
        transactionStatus: pipeline.transactionStatus), by: judgement)
    forwardedExecution(.functionCall, statement, changing: [], at: now)
    if policy.isPowerSafe { awaitMedium(.beyond) }
    return .forward
  }

  private mutating func describe(_ taken: FrameReader.Taken, at now: MonotonicTime) -> Fate {
    switch (try? FrontendMessage.Describe(decoding: taken.body))?.target {
    case .statement(let name):
      forwardedChange(.describeStatement, .describe(name), at: now)
    case .portal: forwardedOther(.describePortal, at: now)
    case nil: forwardedOther(.malformed, at: now)
    }
    return .forward
  }

  private mutating func close(_ taken: FrameReader.Taken, at now: MonotonicTime) -> Fate {
    switch (try? FrontendMessage.Close(decoding: taken.body))?.target {
    case .statement(let name): forwardedChange(.close, .closeStatement(name), at: now)
    case .portal(let name): forwardedChange(.close, .closePortal(name), at: now)
    case nil: forwardedOther(.malformed, at: now)
    }
    return .forward
  }

  /// Records an execution with what allowed it.
  private mutating func begin(_ begun: StatementBegun, by judgement: StatementJudgement) {
    var begun = begun
    begun.rule = judgement.rule
    begun.observed = judgement.observed
    effects.audit.append(.statementBegin(begun))
  }

  /// - Returns: Whether the rows of what was just forwarded are counted.
  @discardableResult
  private mutating func limitRows(
    of statement: StatementID, by judgement: StatementJudgement
  ) -> Bool {
    guard let limit = rowLimit(by: judgement), pipeline.queue.newest?.statement == statement else {
      return false
    }
    limitsRows = true
    pipeline.rowLimits[statement] = limit
    return true
  }

  private mutating func forwardedExecution(
    _ kind: ReplyQueue.Kind, _ statement: StatementID, changing changes: SQLChanges,
    at now: MonotonicTime
  ) {
    pipeline.forwardedExecution(
      kind, statement, changing: changes, at: now, audit: &effects.audit)
  }

  private mutating func forwardedChange(
    _ kind: ReplyQueue.Kind, _ change: StatementCatalogue.Change, at now: MonotonicTime
  ) {
    pipeline.forwardedChange(kind, change, at: now)
  }

  /// A message was forwarded that changes nothing that is kept.
  private mutating func forwardedOther(_ kind: ReplyQueue.Kind, at now: MonotonicTime) {
    _ = pipeline.queue.append(kind, at: now)
  }

  private var judge: any StatementJudge { configuration.judge }

  /// Whether a message can be held back until replies are in.
  var canWait: Bool { pipeline.queue.answersByItself }

  var isParserSettled: Bool { !canWait || !pipeline.catalogue.isParserUnsettled }

  /// The token is checked before each statement; a transaction in progress is rolled back as the
  /// server leg closes.
  mutating func endWhenExpired(at now: MonotonicTime) -> Bool {
    guard let grant, now >= grant.expiry else { return false }
    end(.tokenExpired, detail: "token \(grant.tokenID)", at: now)
    return true
  }

  /// Records a refusal and gives what is sent to the server in the message's place.
  mutating func refuse(
    _ type: FrontendMessageType, _ refusal: StatementRefusal, text: ByteBuffer,
    observed: [ObservedDecision] = [], isUnnamed: Bool, at now: MonotonicTime
  ) -> ByteBuffer {
    let statement = pipeline.nextStatement()
    let kind: StatementBegun.Kind =
      type == .query ? .simple : type == .functionCall ? .functionCall : .extended
    var begun = StatementBegun(
      statement: statement, kind: kind, text: text,
      transactionStatus: pipeline.transactionStatus)
    begun.rule = refusal.rule
    begun.observed = observed
    effects.audit.append(.statementBegin(begun))
    var record = refused(refusal)
    record.statement = statement
    effects.audit.append(.refusal(record))
    var end = StatementEnded(statement: statement, outcome: .refused)
    end.sqlstate = refusal.sqlstate
    end.message = refusal.message
    effects.audit.append(.statementEnd(end))
    let (entry, bytes): (ReplyQueue.Kind, ByteBuffer) =
      switch type {
      case .parse: (.refusedParse, poison.parse(statement, isUnnamed: isUnnamed))
      case .bind: (.refusedBind, poison.bind(statement))
      case .execute: (.refusedExecute, poison.execute(statement))
      default: (.refusedQuery, poison.query(statement, refusal))
      }
    pipeline.forwardedRefusal(entry, statement, refusal, at: now)
    return bytes
  }

  private func hasRoom(for count: Int) -> Bool {
    count <= limits.maximumRetainedBytes - pipeline.catalogue.retainedBytes
  }

  private var noRoom: StatementRefusal {
    StatementRefusal(
      reason: .tooLarge, sqlstate: "54000",
      message: "the prepared statements of this session are too large for this gateway",
      hint: "Close prepared statements that are no longer used.",
      detail: "They take \(pipeline.catalogue.retainedBytes) bytes.")
  }
}
