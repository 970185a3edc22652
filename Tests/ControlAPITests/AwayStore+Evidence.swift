import AuditLog
import ControlCore
import GatewayModel

extension AwayStore: EvidenceStore {
  private var gone: ControlError { ControlError(.unavailable, "\(Self.canary) is away") }

  func storedLogs(of agents: [AgentID]?) async throws(ControlError) -> [StoredLog] { throw gone }
  func writerKeys() async throws(ControlError) -> [WriterKey] { throw gone }
  func firstSeq(of log: LogID, since: WallTime?) async throws(ControlError) -> UInt64? {
    throw gone
  }
  func records(
    of log: LogID, from seq: UInt64, before end: UInt64, limit: Int
  ) async throws(ControlError) -> [StoredRecord] { throw gone }
  func strayRecords(
    of log: LogID, behind place: Int64?, limit: Int
  ) async throws(ControlError) -> [StrayRecord] { throw gone }
  func leaves(of log: LogID, _ range: Range<UInt64>) async throws(ControlError) -> [Hash256] {
    throw gone
  }
  func frontier(of log: LogID, size: UInt64) async throws(ControlError) -> MerkleFrontier {
    throw gone
  }
  func inclusionProof(
    _ log: LogID, index: UInt64, size: UInt64
  ) async throws(ControlError) -> [Hash256] { throw gone }
  func consistencyProof(
    _ log: LogID, from first: UInt64, to size: UInt64
  ) async throws(ControlError) -> [Hash256] { throw gone }
}

extension AwayStore: ComparisonStore {
  func compareTables(
    of agents: [AgentID]?, control: LogID, analyse: @escaping TextAnalyser,
    tell: @escaping (ComparisonNews) async throws -> Void
  ) async throws -> ComparedTables { throw gone }
}

extension AwayStore: BackupStore {
  func setBackupHorizon(_ time: WallTime) async throws(ControlError) -> Int { throw gone }
}
