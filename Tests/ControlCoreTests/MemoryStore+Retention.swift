import ControlCore
import GatewayModel

/// There is nothing in memory that could be removed.
extension MemoryStore: RetentionStore {
  func retentionSettings() async throws(ControlError) -> RetentionSettings {
    try act { state throws(ControlError) in state.retention }
  }

  func setRetention(
    _ period: RetentionPeriod?, of connection: String?
  ) async throws(ControlError) {
    try act { state throws(ControlError) in
      if let connection {
        state.retention.connections[connection] = period
      } else {
        state.retention.fleet = period ?? .forever
      }
      try note(&state)
    }
  }

  func legalHolds() async throws(ControlError) -> [LegalHold] {
    try act { state throws(ControlError) in state.holds }
  }

  func add(_ hold: LegalHold) async throws(ControlError) {
    try act { state throws(ControlError) in
      guard !state.holds.contains(where: { $0.name == hold.name }) else {
        throw ControlError(.conflict, "taken")
      }
      state.holds.append(hold)
      try note(&state)
    }
  }

  func release(
    hold name: String, _ release: LegalHold.Release
  ) async throws(ControlError) -> Bool {
    try act { state throws(ControlError) in
      let found = state.holds.firstIndex { $0.name == name && $0.release == nil }
      guard let found else { return false }
      state.holds[found].release = release
      try note(&state)
      return true
    }
  }

  func storedDays() async throws(ControlError) -> [UTCDay] { [] }

  func storedDay(
    _ day: UTCDay
  ) async throws(ControlError) -> (StoredDay, RetentionRules)? { nil }

  func prune(
    _ day: UTCDay, check: @escaping @Sendable (PrunableDay) throws -> Void,
    entry: @escaping @Sendable (PrunableDay) -> ControlLogEntry
  ) async throws(ControlError) -> PrunedDay { throw RetentionService.unknown(day) }
}
