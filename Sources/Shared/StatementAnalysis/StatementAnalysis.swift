internal import CStatementWalk
package import GatewayModel

/// Reads facts out of SQL with PostgreSQL's own grammar (libpg_query).
///
/// It gives understanding and evidence. What a statement may do is bounded by the role that it runs as at
/// the server: docs/statement-analysis.md says what no text shows.
package enum StatementAnalysis {
  /// A longer text is opaque: what the parser makes of it takes up to 150 times its length while it is
  /// looked at.
  package static let maximumBytes = 1 << 20
  /// How many nodes may stand in each other.
  package static let maximumDepth = 2000
  /// How many nodes a text may have.
  package static let maximumNodes = 500_000
  /// How many tables, columns, functions and settings are told of one text, each for itself.
  package static let maximumNames = 1000

  /// The facts of one text, which may have several statements; those of an opaque one when it is not
  /// understood.
  ///
  /// It needs no more stack than any thread has, and keeps nothing of the text. The first call on a
  /// thread takes some kilobytes until the thread ends.
  package static func facts(of text: UnsafeRawBufferPointer) -> StatementFacts {
    walked(text) { walk in
      walk.map { StatementFacts(csw_result($0).pointee) } ?? .opaque(.tooMany)
    }
  }

  /// The facts of one text as above.
  package static func facts(of sql: String) -> StatementFacts {
    var sql = sql
    return sql.withUTF8 { facts(of: UnsafeRawBufferPointer($0)) }
  }

  /// Parses a text and forgets it: what ``facts(of:)`` is measured against.
  package static func parses(_ text: UnsafeRawBufferPointer) -> Bool {
    csw_parse_only(text.baseAddress, text.count)
  }

  /// Hands over a walk through a text, `nil` when there is no memory for one.
  static func walked<Result>(
    _ text: UnsafeRawBufferPointer, _ body: (OpaquePointer?) -> Result
  ) -> Result {
    var limits = csw_limits(
      bytes: maximumBytes, depth: UInt32(maximumDepth), nodes: UInt32(maximumNodes),
      names: UInt32(maximumNames))
    let walk = csw_begin(text.baseAddress, text.count, &limits)
    // SAFETY: the facts of a walk, and the tree that its names are in, live until csw_end, behind the
    // body; what it makes of them are copies.
    defer { if let walk { csw_end(walk) } }
    return body(walk)
  }
}
