internal import AuditLog
internal import ControlCore
import Foundation
internal import GatewayModel

/// Every stored text against its own digest, and what was read out of it against what it says.
extension PostgresStore {
  /// - Parameters:
  ///   - replaced: Texts that the records have with characters that cannot be stored.
  ///   - isWhole: Whether the records of all agents were read, to their end.
  ///   - start: When the first record was read, by the database's clock.
  func compareAllTexts(
    _ replaced: Set<[UInt8]>, isWhole: Bool, since start: WallTime, _ analyse: TextAnalyser,
    _ total: inout ComparedTables, _ tell: (ComparisonNews) async throws -> Void
  ) async throws {
    var last: [UInt8]?
    var found = FindingList()
    // A record that had a text otherwise may have been removed, or be of another agent.
    var isOnRecord = isWhole
    if isWhole, try await hasRemoved() { isOnRecord = false }
    repeat {
      let behind = last
      let page = try await transact("comparing SQL texts") { session in
        try Self.listedTexts(behind: behind, since: start, session)
      }
      var waiting: [WaitingText] = []
      for text in page {
        guard text.hasItsDigest || replaced.contains(text.digest) else {
          // Nobody is served by facts about words that nobody has sent, and they may be meant for
          // the parser.
          if text.hasReplacements, !isOnRecord || text.isNew {
            total.unproven += 1
          } else {
            found.add("statement_text", "the text \(text.name) has not the digest it stands under")
          }
          continue
        }
        Self.compareState(of: text, &waiting, &found, &total)
      }
      for text in try await otherFacts(await analyse(waiting)) {
        found.differ(
          "statement_facts", log: nil, seq: nil, text.columns,
          "the row of the text \(Self.hexadecimal(text.digest))")
      }
      total.texts += page.count
      last = page.last?.digest
      try await tell(.progress(records: total.records, rows: total.rows + total.texts))
    } while last != nil
    try await tellAll(found, &total, tell)
  }

  /// Looks whether the analysis of a text is where it can be.
  private static func compareState(
    of text: ListedText, _ waiting: inout [WaitingText], _ found: inout FindingList,
    _ total: inout ComparedTables
  ) {
    switch text.state {
    case .waits: total.unproven += 1
    case .overdue:
      found.add(
        "statement_facts",
        "the text \(text.name) waits for its analysis, longer than an hour or by a claim of the"
          + " future")
    case .spent:
      total.unproven += 1
      if total.givenUp?.count ?? 0 < ComparedTables.maximumGivenUp {
        total.givenUp = (total.givenUp ?? []) + [text.name]
      }
    case .analysed:
      waiting.append(WaitingText(digest: text.digest, bytes: text.bytes, sql: text.sql))
    case .forged:
      found.add(
        "statement_facts", "the text \(text.name) counts as analysed, and no row says of what")
    }
  }

  private func hasRemoved() async throws(ControlError) -> Bool {
    try await transact("looking for removed records") { session in
      try session.row("SELECT EXISTS (SELECT FROM sallyport.pruned_log)") {
        row throws(PostgresError) in try row.bool()
      } ?? false
    }
  }

  private func otherFacts(
    _ texts: [AnalysedText]
  ) async throws(ControlError) -> [(digest: [UInt8], columns: [String])] {
    guard !texts.isEmpty else { return [] }
    return try await transact("comparing facts about texts") { session in
      let names = FactsRow.columnNames
      let digests = texts.map(\.digest)
      let stored = try session.rows(
        """
        SELECT f.digest, \(names.joined(separator: ", "))
        FROM sallyport.statement_facts f JOIN sallyport.statement_text t USING (digest)
        WHERE f.digest = ANY ($1)
        """, [.byteStrings(digests)]
      ) { row throws(PostgresError) in
        (try row.bytes(), try StoredColumns(reading: &row, count: names.count))
      }
      let rows = Dictionary(stored, uniquingKeysWith: { first, _ in first })
      return texts.compactMap { text in
        let columns = rows[text.digest]?.differing(from: FactsRow(text).values, names) ?? []
        return columns.isEmpty ? nil : (text.digest, columns)
      }
    }
  }
}
