package import ControlCore
import Foundation
internal import GatewayModel
internal import StatementAnalysis

/// What is read out of SQL texts.
extension PostgresStore {
  /// The key of the advisory lock under which texts are claimed: "stext" in ASCII.
  private static let claimLock: Int64 = 0x73_74_65_78_74
  /// A text is tried twice, since one that ends the program would end it each time.
  static let maximumAnalyses: Int64 = 2
  /// What stands as failure of a text that was tried more often.
  static let givenUp = "given up: it was tried and not settled"

  package func claimTexts(
    limit: Int, maximumBytes: Int
  ) async throws(ControlError) -> [WaitingText] {
    try await transact("looking for texts to analyse") { session in
      let isFree = try session.row(
        "SELECT pg_try_advisory_xact_lock($1)", [.integer(Self.claimLock)],
        { row throws(PostgresError) in try row.bool() })
      guard isFree == true else { return [] }
      // Those that were tried before come one at a time: one of them may have ended a program.
      let tried = try Self.digests(
        """
        SELECT f.digest FROM sallyport.statement_facts f
        JOIN sallyport.statement_text t ON t.digest = f.digest AND t.analysis = 0
        WHERE f.analysed_at IS NULL AND f.failure IS NULL
          AND f.claimed_at < clock_timestamp() - interval '1 minute' LIMIT 1
        """, session)
      let due =
        tried.isEmpty
        ? try Self.digests(
          """
          SELECT t.digest FROM sallyport.statement_text t WHERE t.analysis = 0
            AND NOT EXISTS (SELECT FROM sallyport.statement_facts f WHERE f.digest = t.digest)
          LIMIT \(limit)
          """, session) : tried
      guard !due.isEmpty else { return [] }
      let spent = try Self.claim(due, session)
      return try Self.texts(
        due.filter { !spent.contains($0) }, maximumBytes: maximumBytes, session)
    }
  }

  /// Notes texts as tried once more.
  ///
  /// - Returns: those that were tried too often; they are settled as given up.
  private static func claim(
    _ digests: [[UInt8]], _ session: PostgresSession
  ) throws(PostgresError) -> Set<[UInt8]> {
    let attempts = try session.rows(
      """
      INSERT INTO sallyport.statement_facts AS f (digest, attempts, claimed_at)
      SELECT digest, 1, clock_timestamp() FROM unnest($1::bytea[]) d (digest)
      ON CONFLICT (digest) DO UPDATE SET attempts = f.attempts + 1, claimed_at = excluded.claimed_at
      RETURNING digest, attempts
      """, [.byteStrings(digests)]
    ) { row throws(PostgresError) in (try row.bytes(), try row.integer()) }
    let spent = attempts.filter { $0.1 > maximumAnalyses }.map(\.0)
    guard !spent.isEmpty else { return [] }
    let values: [SQLValue] = [.byteStrings(spent)]
    try session.execute(
      "UPDATE sallyport.statement_facts SET failure = $2 WHERE digest = ANY ($1)",
      values + [.text(givenUp)])
    try session.execute(
      "UPDATE sallyport.statement_text SET analysis = 2 WHERE digest = ANY ($1)", values)
    return Set(spent)
  }

  private static func digests(
    _ sql: String, _ session: PostgresSession
  ) throws(PostgresError) -> [[UInt8]] {
    try session.rows(sql) { row throws(PostgresError) in try row.bytes() }
  }

  private static func texts(
    _ digests: [[UInt8]], maximumBytes: Int, _ session: PostgresSession
  ) throws(PostgresError) -> [WaitingText] {
    try session.rows(
      """
      SELECT digest, octet_length(text), CASE WHEN octet_length(text) <= $2 THEN text END
      FROM sallyport.statement_text WHERE digest = ANY ($1)
      """, [.byteStrings(digests), .integer(Int64(maximumBytes))]
    ) { row throws(PostgresError) in
      WaitingText(
        digest: try row.bytes(), bytes: Int(try row.integer()), sql: try row.optionalText())
    }
  }

  package func settle(_ texts: [AnalysedText]) async throws(ControlError) {
    let rows: String
    do {
      rows = String(decoding: try JSONEncoder().encode(texts.map(FactsRow.init)), as: UTF8.self)
    } catch {
      throw ControlError(.internal, "Facts about texts cannot be written as JSON: \(error).")
    }
    try await transact("storing facts about texts") { session in
      try session.execute(
        """
        WITH r AS (
          SELECT * FROM jsonb_to_recordset($1) r (fingerprint bigint, form text)
        )
        INSERT INTO sallyport.statement_form (fingerprint, text)
        SELECT DISTINCT ON (fingerprint) fingerprint, form FROM r WHERE fingerprint IS NOT NULL
        ORDER BY fingerprint ON CONFLICT (fingerprint) DO NOTHING
        """, [.json(rows)])
      try session.execute(
        """
        UPDATE sallyport.statement_facts f
        SET analysed_at = clock_timestamp(), failure = r.failure, fingerprint = r.fingerprint,
          commands = r.commands, tables = r.tables, effects = r.effects, keys = r.keys
        FROM jsonb_to_recordset($1) r (digest text, failure text, fingerprint bigint,
          commands text[], tables text[], effects text[], keys text[])
        WHERE f.digest = decode(r.digest, 'hex')
        """, [.json(rows)])
      try session.execute(
        """
        UPDATE sallyport.statement_text t SET analysis = r.analysis
        FROM jsonb_to_recordset($1) r (digest text, analysis smallint)
        WHERE t.digest = decode(r.digest, 'hex')
        """, [.json(rows)])
    }
  }
}

/// A row of `sallyport.statement_facts` in JSON.
struct FactsRow: Encodable {
  var digest: String
  /// The state of the text: 1, or 2 when it is too long for the index of words.
  var analysis = 1
  var failure: String?
  var fingerprint: Int64?
  var form: String?
  var commands: [String]?
  var tables: [String]?
  var effects: [String]?
  var keys: [String]?

  init(_ text: AnalysedText) {
    digest = PostgresStore.hexadecimal(text.digest)
    switch text.result {
    case .success(let text):
      let facts = text.facts
      fingerprint = Int64(bitPattern: text.fingerprint)
      form = JSONBText.storable(text.form)
      commands = facts.commands.map(JSONBText.storable)
      var seen: Set<TableName> = []
      tables = facts.tables.map(\.name).filter { seen.insert($0).inserted }
        .map { JSONBText.storable($0.description) }
      effects = facts.effects.effects.map(\.rawValue)
      keys = FactKey.all(of: facts).map(JSONBText.storable)
    case .failure(let reason):
      failure = JSONBText.storable(reason.description)
      if case .tooLong = reason { analysis = 2 }
    }
  }

  /// The columns that are compared with the texts, in the order of ``values``.
  static let columnNames = [
    "analysis", "failure", "fingerprint", "commands", "tables", "effects", "keys",
  ]

  var values: [SQLValue] {
    func texts(_ texts: [String]?) -> SQLValue { texts.map(SQLValue.texts) ?? .null }
    return [
      .integer16(Int16(clamping: analysis)), .optional(failure), .optional(fingerprint),
      texts(commands), texts(tables), texts(effects), texts(keys),
    ]
  }
}
