import GatewayModel

/// What a verification found.
package struct VerificationReport: Hashable, Sendable {
  /// Whether all logs were to be there from their beginning.
  package var isComplete: Bool
  package var scope: String?
  package var findings: [Finding]
  package var logs: [VerifiedLog]
  package var records: Int
  /// The times that an agent was found to have signed two histories of a log: evidence about the
  /// agent, and no fault of the trail, which tells it.
  package var equivocations = 0
  /// The tables that questions are answered from; `nil` where they were not compared.
  package var tables: ComparedTables?

  package var isSound: Bool { findings.isEmpty }
}

/// A log as a verification found it.
package struct VerifiedLog: Hashable, Sendable {
  package var log: LogID
  package var isOfControlPlane: Bool
  /// The first seq that was there, and one behind the last.
  package var from: UInt64
  package var size: UInt64
  package var root: Hash256
  package var facts: LogFacts
}
