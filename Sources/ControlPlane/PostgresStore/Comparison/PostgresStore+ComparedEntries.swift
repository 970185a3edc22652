internal import AuditLog
internal import ControlCore
internal import GatewayModel

/// What stands in `sallyport.control_entry` of an entry of the control plane's own log.
struct ControlEntryRow: Sendable {
  let header: RecordHeader
  let summary: ControlLogSummary

  static let columnNames = [
    "seq", "at", "action", "subject", "detail", "refusal", "caller_token", "caller_name",
    "caller_role", "caller_address",
  ]

  var values: [SQLValue] {
    [
      .number(header.seq), .time(header.time), .text(summary.action), .text(summary.subject),
      .text(summary.detail), .text(summary.refusal), .text(summary.caller.tokenID),
      .text(summary.caller.name), .text(summary.caller.role), .text(summary.caller.address),
    ]
  }

  init(header: RecordHeader, summary: ControlLogSummary) {
    self.header = header
    self.summary = summary
  }

  /// `nil` for a record that is none of this log.
  init?(_ record: DecodedRecord) {
    guard let body = ControlLogEntry.Body(record.body) else { return nil }
    self.init(header: record.header, summary: ControlLogSummary(body))
  }
}

extension PostgresStore {
  private static let entryTable = "control_entry"
  private static let entryPage = 1000

  /// Compares the listing of the control plane's own acts with its log.
  func compareEntries(
    of log: LogID, _ total: inout ComparedTables, _ tell: (ComparisonNews) async throws -> Void
  ) async throws {
    var place = EntryPlace(next: 0, isDone: false)
    var found = FindingList()
    while !place.isDone {
      let (from, before) = (place, found)
      let page = try await transact("comparing the control plane's own log") { session in
        var found = before
        let (place, rows) = try Self.compareEntries(of: log, from, &found, session)
        return (place, rows, found)
      }
      total.records += Int(clamping: page.0.next &- place.next)
      total.rows += page.1
      (place, found) = (page.0, page.2)
      try await tell(.progress(records: total.records, rows: total.rows))
    }
    try await tellAll(found, &total, tell)
  }

  private struct EntryPlace: Sendable {
    var next: UInt64
    var isDone: Bool
  }

  /// Compares one page; gives where the next begins and how many rows were read.
  private static func compareEntries(
    of log: LogID, _ place: EntryPlace, _ found: inout FindingList, _ session: PostgresSession
  ) throws(PostgresError) -> (EntryPlace, Int) {
    try beginComparison(session)
    let records = try page(
      of: log, "seq >= $6", [.number(place.next)], limit: entryPage, bytes: 16 << 20, session)
    let isLast = records.isEmpty
    let next = records.last.map { $0.record.seq &+ 1 } ?? place.next
    var expected: [UInt64: ControlEntryRow] = [:]
    for stray in records {
      let seq = stray.record.seq
      expected[seq] = ReceivedRecord.decoded(stray.record.bytes, seq: seq)
        .flatMap(ControlEntryRow.init)
    }
    let names = ControlEntryRow.columnNames
    // The last page looks for what stands outside of the log.
    let rows = try session.rows(
      """
      SELECT \(names.joined(separator: ", ")) FROM sallyport.control_entry
      WHERE CASE WHEN $3 THEN seq < 0 OR seq >= $1 ELSE seq >= $1 AND seq < $2 END
      ORDER BY seq LIMIT \(20 * entryPage)
      """, [.number(place.next), .number(next), .bool(isLast)]
    ) { row throws(PostgresError) in try StoredColumns(reading: &row, count: names.count) }
    for row in rows {
      let seq = UInt64(clamping: row.integer(0) ?? 0)
      guard let entry = expected.removeValue(forKey: seq) else {
        found.add(entryTable, log: log, seq: seq, "a row stands there that no record asks for")
        continue
      }
      let columns = row.differing(from: entry.values, names)
      if !columns.isEmpty { found.differ(entryTable, log: log, seq: seq, columns) }
    }
    for seq in expected.keys.sorted() {
      found.add(entryTable, log: log, seq: seq, "the row is missing")
    }
    return (EntryPlace(next: next, isDone: isLast), rows.count)
  }
}
