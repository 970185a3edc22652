internal import AuditLog
internal import ControlCore
import Foundation
internal import GatewayModel
internal import StatementAnalysis

/// Every stored text against its own digest, and what was read out of it against what it says.
extension PostgresStore {
  /// - Parameters:
  ///   - replaced: Texts that the records have with characters that cannot be stored.
  ///   - isWhole: Whether the records of all agents were read.
  func compareAllTexts(
    _ replaced: Set<[UInt8]>, isWhole: Bool, _ analyse: TextAnalyser,
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
        try Self.listedTexts(behind: behind, session)
      }
      var waiting: [WaitingText] = []
      for text in page {
        if !text.hasItsDigest, !replaced.contains(text.digest) {
          if text.hasReplacements, !isOnRecord {
            total.unproven += 1
          } else {
            found.add("statement_text", "the text \(text.name) has not the digest it stands under")
          }
        }
        switch text.state {
        case .waits: break
        case .spent: total.unproven += 1
        case .analysed:
          waiting.append(WaitingText(digest: text.digest, bytes: text.bytes, sql: text.sql))
        case .forged:
          found.add(
            "statement_facts", "the text \(text.name) counts as analysed, and no row says of what")
        }
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

  private func hasRemoved() async throws(ControlError) -> Bool {
    try await transact("looking for removed records") { session in
      try session.row("SELECT EXISTS (SELECT FROM sallyport.pruned_log)") {
        row throws(PostgresError) in try row.bool()
      } ?? false
    }
  }

  private struct ListedText: Sendable {
    enum State: Sendable {
      /// Its analysis has not come yet.
      case waits
      /// It was given up; trying it again could end the program.
      case spent
      case analysed
      /// Nobody has analysed it, and nobody will.
      case forged
    }

    var digest: [UInt8]
    var bytes: Int
    var sql: String?
    var hasItsDigest: Bool
    var hasReplacements: Bool
    var state: State

    var name: String { PostgresStore.hexadecimal(digest) }
  }

  private static func listedTexts(
    behind last: [UInt8]?, _ session: PostgresSession
  ) throws(PostgresError) -> [ListedText] {
    try session.rows(
      """
      SELECT t.digest, octet_length(t.text),
        CASE WHEN octet_length(t.text) <= $2 THEN t.text END,
        sha256(convert_to(t.text, 'UTF8')) = t.digest,
        position(convert_from('\\xefbfbd'::bytea, 'UTF8') IN t.text) > 0,
        t.analysis, f.analysed_at IS NOT NULL, f.failure IS NOT NULL
      FROM (
        SELECT * FROM sallyport.statement_text
        WHERE $1::bytea IS NULL OR digest > $1 ORDER BY digest LIMIT 200
      ) t LEFT JOIN sallyport.statement_facts f ON f.digest = t.digest ORDER BY t.digest
      """,
      [
        last.map { .bytes($0) } ?? .null, .integer(Int64(StatementAnalysis.maximumBytes)),
      ]
    ) { row throws(PostgresError) in
      var text = ListedText(
        digest: try row.bytes(), bytes: Int(try row.integer()), sql: try row.optionalText(),
        hasItsDigest: try row.bool(), hasReplacements: try row.bool(), state: .waits)
      let analysis = try row.integer()
      let (isAnalysed, hasFailure) = (try row.bool(), try row.bool())
      text.state =
        switch (isAnalysed, hasFailure, analysis) {
        case (true, _, _): .analysed
        case (false, true, _): .spent
        case (false, false, 0): .waits
        default: .forged
        }
      return text
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
