internal import GatewayModel
internal import StatementAnalysis

/// A stored text, and what stands beside it.
struct ListedText: Sendable {
  enum State: Sendable {
    /// Its analysis has not come yet.
    case waits
    /// It waits for longer than it can, or is claimed at a time that has not come.
    case overdue
    /// It was given up; trying it again could end the program.
    case spent
    case analysed
    /// Nobody has analysed it, and nobody will.
    case forged
  }

  var digest: [UInt8]
  var bytes: Int
  /// `nil` when it is too long to be analysed.
  var sql: String?
  var hasItsDigest: Bool
  var hasReplacements: Bool
  /// Whether it can have come while records were read.
  var isNew: Bool
  var state: State

  var name: String { PostgresStore.hexadecimal(digest) }
}

extension PostgresStore {
  /// The most bytes of the texts of a page, so that their digests are made within the time that a
  /// statement may take; one text comes all the same.
  private static let textPageBytes: Int64 = 32 << 20

  /// The next stored texts by their digests.
  ///
  /// - Parameter start: When the first record was read, by the database's clock.
  static func listedTexts(
    behind last: [UInt8]?, since start: WallTime, _ session: PostgresSession
  ) throws(PostgresError) -> [ListedText] {
    try session.rows(
      """
      SELECT t.digest, octet_length(t.text),
        CASE WHEN octet_length(t.text) <= $2 THEN t.text END,
        sha256(convert_to(t.text, 'UTF8')) = t.digest,
        position(convert_from('\\xefbfbd'::bytea, 'UTF8') IN t.text) > 0,
        -- A batch can have its time of arrival some minutes before it is there.
        t.first_seen_at >= $3 - interval '10 minutes'
          AND t.first_seen_at < clock_timestamp() + interval '1 hour',
        CASE
          WHEN f.analysed_at IS NOT NULL THEN 'analysed'
          WHEN num_nonnulls(f.fingerprint, f.commands, f.tables, f.effects, f.keys) > 0
            THEN 'forged'
          WHEN f.failure IS NOT NULL THEN CASE
            WHEN f.failure = $4 AND f.attempts > $5 AND t.analysis = 2 THEN 'spent'
            ELSE 'forged' END
          WHEN t.analysis <> 0 THEN 'forged'
          WHEN (t.first_seen_at < $3 - interval '1 hour' AND NOT EXISTS (
              -- All texts waited again when the schema came to this step.
              SELECT FROM sallyport.migration m WHERE m.number = $7
                AND m.applied_at BETWEEN $3 - interval '1 hour' AND clock_timestamp()))
            OR t.first_seen_at > clock_timestamp() + interval '1 hour'
            OR f.claimed_at > clock_timestamp() + interval '5 minutes' THEN 'overdue'
          ELSE 'waits' END
      FROM (
        SELECT *, sum(octet_length(text)) OVER (ORDER BY digest) AS total,
          row_number() OVER (ORDER BY digest) AS number
        FROM (
          SELECT * FROM sallyport.statement_text
          WHERE $1::bytea IS NULL OR digest > $1 ORDER BY digest LIMIT 200
        ) p
      ) t LEFT JOIN sallyport.statement_facts f ON f.digest = t.digest
      WHERE t.total <= $6 OR t.number = 1 ORDER BY t.digest
      """,
      [
        last.map { .bytes($0) } ?? .null, .integer(Int64(StatementAnalysis.maximumFormBytes)),
        .time(start), .text(givenUp), .integer(maximumAnalyses), .integer(textPageBytes),
        .integer(Int64(Migration.analysisAnew.number)),
      ]
    ) { row throws(PostgresError) in
      ListedText(
        digest: try row.bytes(), bytes: Int(try row.integer()), sql: try row.optionalText(),
        hasItsDigest: try row.bool(), hasReplacements: try row.bool(), isNew: try row.bool(),
        state: state(named: try row.text()))
    }
  }

  private static func state(named name: String) -> ListedText.State {
    switch name {
    case "analysed": .analysed
    case "spent": .spent
    case "waits": .waits
    case "overdue": .overdue
    default: .forged
    }
  }
}
