internal import AuditLog
internal import GatewayModel

/// What was found in the tables that questions are answered from: so many of each table, and how many
/// more there are.
struct FindingList: Sendable {
  /// The most that are named of one table of one agent.
  static let maximum = 100

  private(set) var findings: [Finding] = []
  private(set) var leftOut = 0
  private var counts: [String: Int] = [:]

  /// - Parameters:
  ///   - table: Without its schema.
  ///   - what: How the row differs: "is missing".
  mutating func add(_ table: String, log: LogID? = nil, seq: UInt64? = nil, _ what: String) {
    counts[table, default: 0] += 1
    guard counts[table, default: 0] <= Self.maximum else {
      leftOut += 1
      return
    }
    findings.append(Finding(.projection, log: log, seq: seq, "\(table): \(what)"))
  }

  mutating func differ(
    _ table: String, log: LogID?, seq: UInt64?, _ columns: [String], _ row: String = "the row"
  ) {
    add(
      table, log: log, seq: seq,
      "\(row) says something else than the records in "
        + (columns.count == 1 ? "the column " : "the columns ")
        + columns.joined(separator: ", "))
  }
}
