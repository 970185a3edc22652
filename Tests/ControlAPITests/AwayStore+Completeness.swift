import ControlCore

extension AwayStore: CompletenessStore {
  private var gone: ControlError { ControlError(.unavailable, "\(Self.canary) is away") }

  func logStates(_ query: CompletenessQuery) async throws(ControlError) -> [LogState] {
    throw gone
  }
  func trailParts(_ query: CompletenessQuery) async throws(ControlError) -> [TrailPart] {
    throw gone
  }
  func spans(
    of part: TrailPart, _ query: CompletenessQuery
  ) async throws(ControlError) -> [LogSpan] { throw gone }
  func losses(
    _ query: CompletenessQuery, limit: Int
  ) async throws(ControlError) -> [PlacedRecord] { throw gone }
}
