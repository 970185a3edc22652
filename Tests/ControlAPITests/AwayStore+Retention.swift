import ControlCore
import GatewayModel

extension AwayStore: RetentionStore {
  private var gone: ControlError { ControlError(.unavailable, "\(Self.canary) is away") }

  func retentionSettings() async throws(ControlError) -> RetentionSettings { throw gone }
  func setRetention(
    _ period: RetentionPeriod?, of connection: String?
  ) async throws(ControlError) { throw gone }
  func legalHolds() async throws(ControlError) -> [LegalHold] { throw gone }
  func add(_ hold: LegalHold) async throws(ControlError) { throw gone }
  func release(
    hold name: String, _ release: LegalHold.Release
  ) async throws(ControlError) -> Bool { throw gone }
  func storedDays() async throws(ControlError) -> [UTCDay] { throw gone }
  func storedDay(
    _ day: UTCDay
  ) async throws(ControlError) -> (StoredDay, RetentionRules)? { throw gone }
  func prune(
    _ day: UTCDay, check: @escaping @Sendable (PrunableDay) throws -> Void,
    entry: @escaping @Sendable (PrunableDay) -> ControlLogEntry
  ) async throws(ControlError) -> PrunedDay { throw gone }
}
