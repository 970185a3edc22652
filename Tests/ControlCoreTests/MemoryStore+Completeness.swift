import ControlCore

/// There are no agents' records in memory.
extension MemoryStore: CompletenessStore {
  func logStates(_ query: CompletenessQuery) async throws(ControlError) -> [LogState] { [] }
  func trailParts(_ query: CompletenessQuery) async throws(ControlError) -> [TrailPart] { [] }
  func spans(
    of part: TrailPart, _ query: CompletenessQuery
  ) async throws(ControlError) -> [LogSpan] { [] }
  func losses(
    _ query: CompletenessQuery, limit: Int
  ) async throws(ControlError) -> [PlacedRecord] { [] }
}
