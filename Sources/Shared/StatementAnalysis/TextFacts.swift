internal import CPgQuery
internal import CStatementWalk
package import GatewayModel

/// What is kept of a text at the control plane: its facts, and what tells it from others.
package struct TextFacts: Hashable, Sendable {
  /// libpg_query's: the same for texts that differ in constants alone.
  package var fingerprint: UInt64
  /// The text with `$1`, `$2` … for its constants.
  package var form: String
  package var facts: StatementFacts

  package init(fingerprint: UInt64, form: String, facts: StatementFacts) {
    self.fingerprint = fingerprint
    self.form = form
    self.facts = facts
  }
}

/// Why a text has no facts.
package enum AnalysisFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// More than ``StatementAnalysis/maximumFormBytes``.
  case tooLong(bytes: Int)
  /// PostgreSQL's texts end at the first zero byte, so that what is behind it would go unseen.
  case zeroByte
  /// The grammar of PostgreSQL 15 has no such statement, or it nests too deeply for its parser.
  case refused(message: String)

  package var description: String {
    switch self {
    case .tooLong(let bytes): "too long: \(bytes) bytes"
    case .zeroByte: "it has a zero byte"
    case .refused(let message): "the parser refused it: \(message)"
    }
  }
}

extension StatementAnalysis {
  /// The longest text that gets a fingerprint and a form.
  package static let maximumFormBytes = 64 << 10
  /// The stack that a thread needs which calls ``textFacts(of:)``. libpg_query's fingerprint and form
  /// recurse as deep as a text nests: at the most half of ``maximumFormBytes`` levels, 8 KiB for each.
  package static let stackBytes = 256 << 20

  /// The facts of one text, with its fingerprint and form.
  ///
  /// Call it on a thread with ``stackBytes`` of stack: less, and a hostile text ends the program.
  /// - Throws: ``AnalysisFailure``.
  package static func textFacts(of sql: String) throws(AnalysisFailure) -> TextFacts {
    let length = sql.utf8.count
    guard length <= maximumFormBytes else { throw .tooLong(bytes: length) }
    guard !sql.utf8.contains(0) else { throw .zeroByte }
    var text = sql
    let (facts, refusal) = text.withUTF8 { bytes in
      walked(UnsafeRawBufferPointer(bytes)) { walk in walk.map(outcome(of:)) ?? outOfMemory }
    }
    if let refusal { throw .refused(message: refusal.prefix(utf8Bytes: 200)) }
    // It was not given to the parser, and the calls below would do that.
    if facts == .opaque(.tooMany) { throw .refused(message: "it has more than is followed") }
    return TextFacts(fingerprint: try fingerprint(sql), form: normalised(sql) ?? sql, facts: facts)
  }

  private static let outOfMemory: (StatementFacts, String?) = (
    .opaque(.tooMany), "no memory is left for it"
  )

  private static func outcome(of walk: OpaquePointer) -> (StatementFacts, String?) {
    (StatementFacts(csw_result(walk).pointee), csw_refusal(walk).map { String(cString: $0) })
  }

  private static func fingerprint(_ sql: String) throws(AnalysisFailure) -> UInt64 {
    let result = pg_query_fingerprint(sql)
    defer { pg_query_free_fingerprint_result(result) }
    if let error = result.error {
      let message = error.pointee.message.map { String(cString: $0) } ?? "without a reason"
      throw .refused(message: message.prefix(utf8Bytes: 200))
    }
    return result.fingerprint
  }

  private static func normalised(_ sql: String) -> String? {
    let result = pg_query_normalize(sql)
    defer { pg_query_free_normalize_result(result) }
    return result.normalized_query.map { String(cString: $0) }
  }
}
