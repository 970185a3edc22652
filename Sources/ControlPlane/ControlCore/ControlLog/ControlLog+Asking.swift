package import APIModel
internal import AuditLog
internal import GatewayModel

// Questions about the log itself.
extension ControlLog {
  /// One page of its entries, newest first.
  ///
  /// - Throws: `invalid` naming the filter.
  package func entries(
    _ filter: ControlLogFilter, by caller: Caller
  ) async throws(ControlError) -> Page<ControlLogEntryInfo> {
    let query = try ControlLogQuery(filter)
    var question = filter
    question.cursor = nil
    try await willRead("control", question, goesOn: filter.cursor != nil, by: caller)
    let items = try await store.entries(query)
    let last = items.count == query.limit ? items.last?.seq : nil
    return Page(items: items.map(\.info), nextCursor: last.map { "\($0)" })
  }

  /// The newest signed checkpoint.
  ///
  /// - Parameter first: Also gives the proof that the log begins with its first so many records.
  /// - Throws: `invalid` for a number below zero, `notFound` while the log has no record.
  package func checkpoint(
    provingFrom first: Int? = nil, by caller: Caller
  ) async throws(ControlError) -> ControlCheckpointInfo {
    if let first, first < 0 {
      throw Check.invalid("from", "\(first)", "Use the size that stands in a checkpoint.")
    }
    guard let head = try await store.checkpoint(of: keys.controlLog) else {
      throw ControlError(
        .notFound, "The control plane's own log has no record yet.",
        remedy: "Ask again after the first act.")
    }
    var proof: [Hash256]?
    if let first, UInt64(first) <= head.size {
      proof = try await store.consistency(
        of: keys.controlLog, from: UInt64(first), to: head.size)
    }
    return ControlCheckpointInfo(
      note: String(decoding: head.note, as: UTF8.self), publicKey: keys.auditPublicKey,
      consistency: proof?.map { Base64.text($0.bytes) })
  }
}

extension ControlLogQuery {
  /// Reads the filters as they stand in a URL.
  ///
  /// - Throws: `invalid` naming the filter.
  init(_ filter: ControlLogFilter) throws(ControlError) {
    self.init()
    caller = try FilterText.names(filter.caller, field: "caller")
    action = try FilterText.names(filter.action, field: "action")
    since = try filter.since.map { text throws(ControlError) in
      try FilterText.time(text, field: "since")
    }
    until = try filter.until.map { text throws(ControlError) in
      try FilterText.time(text, field: "until")
    }
    before = try filter.cursor.map { text throws(ControlError) in
      guard let seq = UInt64(text), seq <= UInt64(Int64.max) else {
        throw Check.invalid("cursor", text, "Use that of an earlier answer.")
      }
      return seq
    }
    limit = try FilterText.limit(filter.limit)
  }
}

extension ControlLogItem {
  var info: ControlLogEntryInfo {
    func present(_ text: String) -> String? { text.isEmpty ? nil : text }
    return ControlLogEntryInfo(
      seq: Int(clamping: seq), at: TimeText.text(at), action: summary.action,
      subject: summary.subject, detail: present(summary.detail),
      refusal: present(summary.refusal),
      caller: ControlLogCaller(
        tokenID: present(summary.caller.tokenID), name: summary.caller.name,
        role: summary.caller.role, address: present(summary.caller.address)))
  }
}
