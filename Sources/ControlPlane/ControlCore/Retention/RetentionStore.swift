package import AuditLog

/// Where it is kept how long records are kept, and what removes them.
package protocol RetentionStore: RecordingStore {
  func retentionSettings() async throws(ControlError) -> RetentionSettings
  /// - Parameters:
  ///   - period: `nil` for no rule of its own.
  ///   - connection: `nil` for the fleet.
  /// - Throws: `notFound` when there is no such connection, in the trail neither.
  func setRetention(
    _ period: RetentionPeriod?, of connection: String?
  ) async throws(ControlError)
  /// All holds, those that were released too, by name.
  func legalHolds() async throws(ControlError) -> [LegalHold]
  /// - Throws: `conflict` when the name is taken, also by one that was released.
  func add(_ hold: LegalHold) async throws(ControlError)
  /// False when no hold of that name holds.
  func release(hold name: String, _ release: LegalHold.Release) async throws(ControlError) -> Bool
  /// The days there are up to today, the oldest first.
  func storedDays() async throws(ControlError) -> [UTCDay]
  /// What a day holds, with the rules that are in force; `nil` when it is not there.
  func storedDay(_ day: UTCDay) async throws(ControlError) -> (StoredDay, RetentionRules)?
  /// Removes the oldest day with the entry that says so, both or neither. Of the control plane's
  /// own records none is removed.
  ///
  /// While it is checked and removed no rule changes and no hold is added.
  /// - Parameters:
  ///   - check: Called with what is there under the locks; what it throws ends it.
  ///   - entry: The prune record's entry.
  /// - Throws: `notFound` when the day is not there; `conflict` when an earlier day is, or when the
  ///   day's records are no unbroken continuation of what was removed before.
  func prune(
    _ day: UTCDay, check: @escaping @Sendable (PrunableDay) throws -> Void,
    entry: @escaping @Sendable (PrunableDay) -> ControlLogEntry
  ) async throws(ControlError) -> PrunedDay
}

/// A day that is about to go, as it is under the locks.
package struct PrunableDay: Sendable {
  package var stored: StoredDay
  package var rules: RetentionRules
  package var logs: [RetentionPruneRecord.PrunedLog]

  package init(
    stored: StoredDay, rules: RetentionRules, logs: [RetentionPruneRecord.PrunedLog]
  ) {
    self.stored = stored
    self.rules = rules
    self.logs = logs
  }
}

/// What went with a day.
package struct PrunedDay: Sendable, Equatable {
  package var records: Int64
  package var statements: Int64
  package var sessions: Int64

  package init(records: Int64, statements: Int64, sessions: Int64) {
    self.records = records
    self.statements = statements
    self.sessions = sessions
  }
}
