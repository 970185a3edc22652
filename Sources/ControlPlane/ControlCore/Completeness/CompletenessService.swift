package import APIModel
internal import AuditLog
internal import GatewayModel

/// Says whether the trail has every record of a period, from what is stored and not from what was
/// counted when it came.
package struct CompletenessService: Sendable {
  /// The most losses of one report.
  static let maximumLosses = 1000

  let store: any CompletenessStore
  let evidence: EvidenceService
  let log: ControlLog
  let surroundings: Surroundings

  /// Checks a question and notes it; the answer is made by ``PreparedReport/make(after:)``.
  ///
  /// - Parameters:
  ///   - agents: Ids or prefixes; all when empty.
  ///   - since: RFC 3339, by arrival.
  ///   - until: RFC 3339, by arrival.
  /// - Throws: `invalid` for a time or agent that is none, `notFound` for an agent that is not there.
  package func prepare(
    agents: [String], since: String?, until: String?, by caller: Caller
  ) async throws(ControlError) -> PreparedReport {
    let scope = try await evidence.scope(agents: agents, since: since, until: until)
    try await log.willRead(
      "completeness", ["agents": agents.joined(separator: ","), "since": since, "until": until],
      by: caller)
    return PreparedReport(
      store: store,
      query: CompletenessQuery(agents: scope.agents, since: scope.since, until: scope.until),
      now: surroundings.now())
  }
}

/// A report that is in order and can be made.
package struct PreparedReport: Sendable {
  let store: any CompletenessStore
  let query: CompletenessQuery
  let now: WallTime

  /// - Parameter progress: Called after each part of the trail.
  package func make(
    after progress: () async throws -> Void
  ) async throws -> CompletenessReport {
    // The states first: what comes meanwhile is beyond what is expected.
    let states = try await store.logStates(query)
    var spans: [LogID: LogSpan] = [:]
    for part in try await store.trailParts(query) {
      for span in try await store.spans(of: part, query) {
        if spans[span.log]?.join(span) == nil { spans[span.log] = span }
      }
      try await progress()
    }
    let losses = Dictionary(
      grouping: try await store.losses(query, limit: CompletenessService.maximumLosses),
      by: \.log)
    return CompletenessReport(
      since: query.since.map(TimeText.text), until: query.until.map(TimeText.text),
      at: TimeText.text(now),
      logs: states.map { state in
        report(state, spans[state.log], losses[state.log, default: []])
      })
  }

  private func report(
    _ state: LogState, _ span: LogSpan?, _ losses: [PlacedRecord]
  ) -> LogCompleteness {
    let age = now.unixNanoseconds.subtractingReportingOverflow(
      state.checkpointAt.unixNanoseconds
    ).partialValue
    return LogCompleteness(
      log: "\(state.log)", agent: "\(state.log.agent)", name: state.name,
      first: span.map { Int(clamping: $0.first) }, last: span.map { Int(clamping: $0.last) },
      records: Int(clamping: span?.count ?? 0),
      expected: Int(
        clamping: max(state.expected.upperBound, span.map { $0.last + 1 } ?? 0)
          - state.expected.lowerBound),
      gaps: LogSpan.gaps(of: span, in: state.expected).prefix(LogCompleteness.maximumGaps).map {
        .init(first: Int(clamping: $0.lowerBound), last: Int(clamping: $0.upperBound) - 1)
      },
      firstAt: span.map { TimeText.text($0.firstAt) },
      lastAt: span.map { TimeText.text($0.lastAt) },
      longestSilence: (span?.silence).map {
        .init(
          from: TimeText.text($0.from), to: TimeText.text($0.to),
          seconds: Double($0.nanoseconds) / 1e9)
      },
      losses: losses.compactMap(Self.loss),
      beganInPeriod: state.beganAt.map(isInPeriod) ?? false,
      checkpointAt: TimeText.text(state.checkpointAt),
      checkpointAgeSeconds: max(0, Double(age) / 1e9),
      quarantinedAt: state.quarantinedAt.map(TimeText.text),
      prunedBefore: state.prunedBefore > 0 ? Int(clamping: state.prunedBefore) : nil)
  }

  private func isInPeriod(_ time: WallTime) -> Bool {
    (query.since.map { $0 <= time } ?? true) && (query.until.map { time < $0 } ?? true)
  }

  private static func loss(_ placed: PlacedRecord) -> LogCompleteness.Loss? {
    guard let record = try? RecordDecoder.decode(placed.bytes), case .loss(let loss) = record.body
    else { return nil }
    return LogCompleteness.Loss(
      seq: Int(clamping: placed.seq), at: TimeText.text(record.header.time), reason: loss.reason,
      firstLostSeq: Int(clamping: loss.firstLostSeq), lostAtMost: Int(clamping: loss.lostAtMost),
      from: TimeText.text(loss.from), to: TimeText.text(loss.to))
  }
}
