package import APIModel
internal import AuditLog
internal import GatewayModel

/// Says how long records are kept, holds them, and removes days that may go.
package struct RetentionService: Sendable {
  /// The longest that can be set; longer is for ever.
  static let maximumDays = 36_500

  let store: any RetentionStore
  let log: ControlLog
  let surroundings: Surroundings

  // MARK: Rules

  /// The fleet's default, and the rule of every connection there is or was that has one.
  package func show(by caller: Caller) async throws(ControlError) -> RetentionInfo {
    let settings = try await store.retentionSettings()
    return RetentionInfo(
      fleetDays: settings.fleet.days,
      connections: settings.connections.sorted { $0.key < $1.key }.map {
        ConnectionRetention(connection: $0.key, days: $0.value.days)
      })
  }

  /// - Throws: `invalid` for a number of days that cannot be kept, `notFound` for a connection that
  ///   is neither registered nor in the trail.
  package func set(
    _ change: RetentionChange, by caller: Caller
  ) async throws(ControlError) -> RetentionInfo {
    if let days = change.days, !(1...Self.maximumDays).contains(days) {
      throw Check.invalid("days", "\(days)", "Use 1 to \(Self.maximumDays), or none for ever.")
    }
    let followsFleet = change.followsFleet ?? false
    guard !followsFleet || (change.days == nil && change.connection != nil) else {
      throw Check.invalid("followsFleet", "true", "Give it with a connection and without days.")
    }
    if let name = change.connection { try Check.name(name, field: "connection") }
    let entry = log.act(.setRetention, on: change.connection ?? "fleet", by: caller) {
      [
        "days": change.days.map(ActDetail.Particular.number),
        "forever": .flag(change.days == nil && !followsFleet), "default": .flag(followsFleet),
      ]
    }
    try await store.recording(entry).setRetention(
      followsFleet ? nil : RetentionPeriod(days: change.days), of: change.connection)
    surroundings.log(
      "retention set", by: caller,
      [
        "of": change.connection ?? "fleet",
        "days": change.days.map { "\($0)" } ?? (followsFleet ? "default" : "for ever"),
      ])
    return try await show(by: caller)
  }

  // MARK: Holds

  package func holds(by caller: Caller) async throws(ControlError) -> [LegalHoldInfo] {
    try await store.legalHolds().map(\.info)
  }

  /// - Throws: `invalid` naming the field, `conflict` when the name is taken.
  package func add(
    _ draft: LegalHoldDraft, by caller: Caller
  ) async throws(ControlError) -> LegalHoldInfo {
    try Check.name(draft.name, field: "name")
    if let name = draft.connection { try Check.name(name, field: "connection") }
    try Check.label(draft.reason, field: "reason", maximumBytes: 500)
    let hold = LegalHold(
      name: draft.name, connection: draft.connection,
      since: try Self.time(draft.since, "since"), until: try Self.time(draft.until, "until"),
      reason: draft.reason, addedAt: surroundings.now(), addedBy: caller.name)
    if let since = hold.since, let until = hold.until, until <= since {
      throw Check.invalid("until", draft.until ?? "", "Use a time after since.")
    }
    let entry = log.act(.addHold, on: draft.name, by: caller) {
      [
        "connection": draft.connection.map(ActDetail.Particular.text),
        "since": draft.since.map(ActDetail.Particular.text),
        "until": draft.until.map(ActDetail.Particular.text), "reason": .text(draft.reason),
      ]
    }
    try await store.recording(entry).add(hold)
    surroundings.log("legal hold added", by: caller, ["hold": draft.name])
    return hold.info
  }

  /// - Throws: `notFound` when no hold of that name holds.
  package func release(
    hold name: String, _ request: ReleaseRequest, by caller: Caller
  ) async throws(ControlError) -> LegalHoldInfo {
    try Check.label(request.reason, field: "reason", maximumBytes: 500)
    let entry = log.act(.releaseHold, on: name, by: caller) { ["reason": .text(request.reason)] }
    let release = LegalHold.Release(
      at: surroundings.now(), by: caller.name, reason: request.reason)
    guard try await store.recording(entry).release(hold: name, release),
      let hold = try await store.legalHolds().first(where: { $0.name == name })
    else {
      throw ControlError(
        .notFound, "No hold named \"\(name.prefix(100))\" is in force.",
        remedy: "See `sallyport retention hold list`.")
    }
    surroundings.log("legal hold released", by: caller, ["hold": name])
    return hold.info
  }

  private static func time(_ text: String?, _ field: String) throws(ControlError) -> WallTime? {
    guard let text else { return nil }
    return try FilterText.time(text, field: field)
  }

  // MARK: Days

  /// The days of the trail, the oldest first.
  package func days(by caller: Caller) async throws(ControlError) -> [RetentionDay] {
    try await store.storedDays().map { RetentionDay(day: "\($0)") }
  }

  /// What a day holds and whether it may go.
  package func day(
    _ text: String, by caller: Caller
  ) async throws(ControlError) -> RetentionDayInfo {
    let day = try Self.day(text)
    guard let (stored, rules) = try await store.storedDay(day) else { throw Self.unknown(day) }
    let reasons = rules.reasonsToKeep(stored)
    return RetentionDayInfo(
      day: "\(day)", since: TimeText.text(day.start), until: TimeText.text(day.end),
      records: Int(stored.records), statements: Int(stored.statements), bytes: Int(stored.bytes),
      connections: stored.connections.sorted(), mayGo: reasons.isEmpty, reasons: reasons)
  }

  /// Removes the oldest day, after its export was verified.
  ///
  /// Nothing is taken from the caller but what the export is called and what it has: that must be
  /// what is stored, to the roots of the logs' trees.
  /// - Throws: `conflict` when the day stays, or when the export does not have what is stored.
  package func prune(
    _ text: String, _ request: PruneRequest, by caller: Caller
  ) async throws(ControlError) -> PruneInfo {
    let day = try Self.day(text)
    try Check.label(request.exportFile, field: "exportFile", maximumBytes: 500)
    guard let hash = request.exportSHA256.hash else {
      throw Check.invalid("exportSHA256", request.exportSHA256, "Use 64 hexadecimal digits.")
    }
    let act = log.act(.pruneDay, on: "\(day)", by: caller) {
      ["file": .text(request.exportFile), "sha256": .text("\(hash)")]
    }
    let log = log
    let pruned = try await store.recording(act).prune(day) { found in
      try request.check(found)
    } entry: { found in
      log.entry {
        .prune(
          RetentionPruneRecord(
            day: "\(day)", logs: found.logs, records: UInt64(clamping: found.stored.records),
            exportFile: request.exportFile, exportSHA256: hash.bytes))
      }
    }
    surroundings.log(
      "a day of the trail was removed", by: caller,
      ["day": "\(day)", "records": "\(pruned.records)", "export": request.exportFile])
    return PruneInfo(
      day: "\(day)", records: Int(pruned.records), statements: Int(pruned.statements),
      sessions: Int(pruned.sessions))
  }

  private static func day(_ text: String) throws(ControlError) -> UTCDay {
    guard let day = UTCDay(text: text) else {
      throw Check.invalid("day", text, "Write it as YYYY-MM-DD.")
    }
    return day
  }

  package static func unknown(_ day: UTCDay) -> ControlError {
    ControlError(
      .notFound, "The trail has no day \(day).",
      remedy: "See `sallyport retention run --dry-run` for the oldest.")
  }
}

extension PruneRequest {
  /// Whether the day may go, and the export has all of it and nothing else.
  func check(_ day: PrunableDay) throws(ControlError) {
    let reasons = day.rules.reasonsToKeep(day.stored)
    guard reasons.isEmpty else {
      throw ControlError(
        .conflict, "The day \(day.stored.day) stays. \(reasons.joined(separator: " "))",
        remedy: "See `sallyport retention show` and `sallyport retention hold list`.")
    }
    let exported = Dictionary(logs.map { ($0.log, $0) }, uniquingKeysWith: { first, _ in first })
    guard exported.count == logs.count, logs.count == day.logs.count else {
      throw Self.other(day.stored.day, "has \(logs.count) logs of \(day.logs.count)")
    }
    for log in day.logs {
      let root = MerkleFrontier(size: log.nextSeq, subtrees: log.frontier)?.root
      guard let own = exported["\(log.log)"], UInt64(exactly: own.from) == log.firstSeq,
        UInt64(exactly: own.next) == log.nextSeq, let root,
        own.root.hash == root
      else {
        throw Self.other(
          day.stored.day,
          "does not have the records \(log.firstSeq)..<\(log.nextSeq) of the log \(log.log) as"
            + " they are stored")
      }
    }
  }

  private static func other(_ day: UTCDay, _ what: String) -> ControlError {
    ControlError(
      .conflict, "The day \(day) stays: its export \(what).",
      remedy: "Export it again with `sallyport retention run`; if it is the same again, run "
        + "`sallyport audit verify`.")
  }
}

extension LegalHold {
  var info: LegalHoldInfo {
    LegalHoldInfo(
      name: name, connection: connection, since: since.map(TimeText.text),
      until: until.map(TimeText.text), reason: reason, addedAt: TimeText.text(addedAt),
      addedBy: addedBy, releasedAt: (release?.at).map(TimeText.text), releasedBy: release?.by,
      releaseReason: release?.reason)
  }
}

extension String {
  /// The hash that it is in hexadecimal.
  fileprivate var hash: Hash256? { Hexadecimal.bytes(self).flatMap { Hash256(bytes: $0) } }
}
