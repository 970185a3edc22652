internal import CPgQuery
internal import GatewayModel

/// Reads facts out of SQL with PostgreSQL's own grammar (libpg_query).
package enum StatementAnalysis {
  /// A longer text is not looked at: what the parser makes of it takes a hundred times its length.
  package static let maximumBytes = 64 << 10
  /// The stack that a thread needs which calls ``facts(of:)``. The parser's walks recurse as deep
  /// as a text nests: at the most half of ``maximumBytes`` levels, 8 KiB for each.
  package static let stackBytes = 256 << 20
  /// The most tables of one text that are told.
  package static let maximumTables = 1000

  /// The facts of one text, which may have several statements.
  ///
  /// Call it on a thread with ``stackBytes`` of stack: less, and a hostile text ends the program. Call
  /// it on few threads: the first call on each takes one of the process's 1024 thread-specific keys
  /// for good, and libraries that find none left fail.
  /// - Throws: ``AnalysisFailure``.
  package static func facts(of sql: String) throws(AnalysisFailure) -> TextFacts {
    let length = sql.utf8.count
    guard length <= maximumBytes else { throw .tooLong(bytes: length) }
    guard !sql.utf8.contains(0) else { throw .zeroByte }
    let tree = try parse(sql)
    var walk = FactWalk(tree: tree)
    walk.run()
    return TextFacts(
      fingerprint: try fingerprint(sql), form: normalised(sql) ?? sql, commands: walk.commands,
      tables: walk.tables, effects: StatementEffect.allCases.filter(walk.effects.contains))
  }

  private static func parse(_ sql: String) throws(AnalysisFailure) -> ParseTree {
    let result = pg_query_parse(sql)
    defer { pg_query_free_parse_result(result) }
    if let error = result.error { throw refusal(error) }
    guard let json = result.parse_tree,
      let tree = ParseTree(json: Array(String(cString: json).utf8))
    else { throw .refused(message: "it gave no parse tree") }
    return tree
  }

  private static func fingerprint(_ sql: String) throws(AnalysisFailure) -> UInt64 {
    let result = pg_query_fingerprint(sql)
    defer { pg_query_free_fingerprint_result(result) }
    if let error = result.error { throw refusal(error) }
    return result.fingerprint
  }

  private static func normalised(_ sql: String) -> String? {
    let result = pg_query_normalize(sql)
    defer { pg_query_free_normalize_result(result) }
    return result.normalized_query.map { String(cString: $0) }
  }

  private static func refusal(_ error: UnsafeMutablePointer<PgQueryError>) -> AnalysisFailure {
    let message = error.pointee.message.map { String(cString: $0) } ?? "without a reason"
    return .refused(message: message.prefix(utf8Bytes: 200))
  }
}
