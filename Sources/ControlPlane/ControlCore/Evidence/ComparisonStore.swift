package import AuditLog
package import GatewayModel

/// Reads facts out of SQL texts, each on a thread with the stack for it.
package typealias TextAnalyser = @Sendable ([WaitingText]) async -> [AnalysedText]

/// What is told while tables are compared.
package enum ComparisonNews: Sendable, Equatable {
  /// How many records and rows were read so far.
  case progress(records: Int, rows: Int)
  case finding(Finding)
}

/// The tables that questions are answered from, and the records that they are made of.
package protocol ComparisonStore: Sendable {
  /// Reads the records again, as they were read when they arrived, and holds what they mean against
  /// the rows: statements, sessions, SQL texts, and the acts at the control plane.
  ///
  /// Each record is compared with the rows of the same moment, so records may arrive meanwhile. What
  /// belongs to records that retention has removed is believed.
  /// - Parameters:
  ///   - agents: Only of these; all when `nil`. The control plane's own log is compared in any case.
  ///   - control: The control plane's own log.
  ///   - tell: Takes what is found, and how far it is at least every few thousand records; waits
  ///     while it can take no more.
  func compareTables(
    of agents: [AgentID]?, control: LogID, analyse: @escaping TextAnalyser,
    tell: @escaping (ComparisonNews) async throws -> Void
  ) async throws -> ComparedTables
}
