/// One step of the schema's history.
///
/// Append-only: a step that was released is never changed, since databases that have it would no
/// longer be what this program takes them for; its checksum is kept in the database and compared.
struct Migration: Sendable {
  /// From 1 without gaps.
  var number: Int
  var name: String
  var sql: String

  /// All steps, in order.
  static let all = [
    controlPlane, auditTrail, sessionsByAgent, functionCalls, clientCertificates, rowLimits,
    durability, evidence, asking, controlLog, retention,
    epochOverlap, wordStatistics, analysisAnew, policyTrust, policies,
    policyDecisions, policyCircumstances,
  ]
}
