internal import PostgresWire

/// What tells readings of the same replies apart.
extension Pipeline {
  /// The pipelines that may be, now that an error has come; one alone but where a COPY failed.
  ///
  /// - Parameter limit: With one more than so many the search ends.
  func readingsOfError(limit: Int) -> [Pipeline] {
    guard queue.isCopyingIn else { return [self] }
    return queue.outcomesOfFailedCopy(limit: limit).map { outcome in
      var pipeline = self
      pipeline.queue = outcome
      return pipeline
    }
  }

  /// Whether the server can have sent this answer by what is queued.
  ///
  /// - Parameter sqlstate: Of an error.
  func fits(_ reply: BackendMessageType, _ sqlstate: String) -> Bool {
    guard let kind = queue.head?.kind else {
      return reply == .readyForQuery && queue.possibleReadies > 0
    }
    switch reply {
    case .readyForQuery: return queue.possibleReadies > 0 || isReadyDue(kind)
    case .errorResponse: return mayFail(kind, sqlstate)
    case .parseComplete: return kind == .parse
    case .bindComplete: return kind == .bind
    case .closeComplete: return kind == .close || kind == .probe
    case .parameterDescription: return kind == .describeStatement
    case .noData: return kind == .describeStatement || kind == .describePortal
    case .rowDescription:
      return kind == .describeStatement || kind == .describePortal || kind == .query
    case .commandComplete, .copyBothResponse, .copyData, .copyDone, .copyInResponse,
      .copyOutResponse, .dataRow, .emptyQueryResponse:
      return kind == .execute || kind == .query
    case .portalSuspended: return kind == .execute
    case .functionCallResponse: return kind == .functionCall
    case .authentication, .backendKeyData, .negotiateProtocolVersion, .noticeResponse,
      .notificationResponse, .parameterStatus:
      return false
    }
  }

  private func isReadyDue(_ kind: ReplyQueue.Kind) -> Bool {
    switch kind {
    case .sync: true
    case .query, .functionCall, .refusedQuery: queue.isHeadAnswered
    default: false
    }
  }

  private func mayFail(_ kind: ReplyQueue.Kind, _ sqlstate: String) -> Bool {
    switch kind {
    case .probe: false
    case .malformed, .malformedFlush: sqlstate == "08P01"
    // It commits what was executed before it, which can fail.
    case .sync: finished != nil || queue.head?.isMalformed == true
    default: true
    }
  }

  /// Nothing is outstanding, for certain.
  var isAtRest: Bool { queue.count == 0 && !queue.isSkipping && finished == nil }

  /// Whether names stand for the same in the other pipeline too; both are at rest.
  func knows(whatIsKnownBy other: Pipeline) -> Bool {
    transactionStatus == other.transactionStatus && catalogue.hasSameNames(as: other.catalogue)
  }

  /// Goes on numbering where another reading of the same session stands.
  mutating func takeNumbers(of other: Pipeline) {
    lastStatement = max(lastStatement, other.lastStatement)
    catalogue.takeNumbers(of: other.catalogue)
  }
}
