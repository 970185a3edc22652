internal import AuditLog
package import Foundation
internal import GatewayModel

extension EvidenceService {
  /// Compares the tables that questions are answered from with the records; that it is done stands in
  /// the control plane's own log before its first line.
  ///
  /// - Parameter agents: Ids or prefixes of the agents whose rows are compared; all when empty.
  /// - Throws: `invalid` for an agent that is none, `notFound` for one that is not known.
  package func comparison(
    agents: [String], by caller: Caller
  ) async throws(ControlError) -> PreparedComparison {
    let scope = try await scope(agents: agents, since: nil, until: nil)
    try await log.willRead("comparison", ["agents": agents.joined(separator: ",")], by: caller)
    return PreparedComparison(
      store: tables, control: keys.controlLog, agents: scope.agents)
  }
}

/// A comparison that is in order and can be made.
package struct PreparedComparison: Sendable {
  let store: any ComparisonStore
  let control: LogID
  let agents: [AgentID]?

  /// Compares, and writes what is found as it is found.
  ///
  /// - Parameter write: Takes the bytes of some lines; waits while it can take no more.
  package func write(to write: @escaping (Data) async throws -> Void) async throws {
    let thread = AnalysisThread()
    defer { thread.end() }
    let tables = try await store.compareTables(
      of: agents, control: control, analyse: { await thread.analyse($0) },
      tell: { news in
        switch news {
        case .progress(let records, let rows):
          try await write(
            Self.bytes(.progress(ComparisonLine.Progress(records: records, rows: rows))))
        case .finding(let finding): try await write(Self.bytes(.finding(finding)))
        }
      })
    try await write(Self.bytes(.close(tables)))
  }

  private static func bytes(_ line: ComparisonLine) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(line) + Data([UInt8(ascii: "\n")])
  }
}
