internal import PostgresWire

/// Which answer comes next. One that is out of turn would be booked on the wrong message, and the
/// client would take it for the answer to another.
extension ReplyQueue {
  /// Whether the server may send this now, by what is queued; says nothing of what it may send at
  /// any time (``BackendMessageType/isAsynchronous``).
  func expects(_ reply: BackendMessageType) -> Bool {
    guard let kind = head?.kind else { return reply == .readyForQuery && possibleReadies > 0 }
    return switch reply {
    case .readyForQuery: hasPossibleReadyAtHead || isReadyDue(for: kind)
    case .parseComplete: kind == .parse
    case .bindComplete: kind == .bind
    case .closeComplete: kind == .close
    case .parameterDescription: kind == .describeStatement && !isHeadAnswered
    case .noData: isDescriptionDue(for: kind)
    case .rowDescription: kind == .query || isDescriptionDue(for: kind)
    case .dataRow, .commandComplete, .emptyQueryResponse, .copyInResponse, .copyOutResponse,
      .copyData, .copyDone:
      kind.hasRows
    case .portalSuspended: kind == .execute
    case .functionCallResponse: kind == .functionCall && !isHeadAnswered
    case .authentication, .backendKeyData, .copyBothResponse, .errorResponse,
      .negotiateProtocolVersion, .noticeResponse, .notificationResponse, .parameterStatus:
      false
    }
  }

  private func isReadyDue(for kind: Kind) -> Bool {
    switch kind {
    case .sync: true
    case .query, .functionCall, .refusedQuery: isHeadAnswered
    default: false
    }
  }

  /// Describe of a statement is answered with ParameterDescription first.
  private func isDescriptionDue(for kind: Kind) -> Bool {
    kind == .describePortal || kind == .describeStatement && isHeadAnswered
  }
}

extension ReplyQueue.Kind {
  /// Whether rows and COPY data can be its answer.
  var hasRows: Bool { self == .execute || self == .query }
}
