package import GatewayModel

/// What the text of a statement says of itself.
///
/// It is what stands there, nested commands included, and not what a server made of it: a view, a
/// function or a trigger hides what it does.
package struct TextFacts: Hashable, Sendable {
  /// libpg_query's: the same for texts that differ in constants alone.
  package var fingerprint: UInt64
  /// The text with `$1`, `$2` … for its constants.
  package var form: String
  /// Each once, in the order of the text: `DELETE`, `DROP TABLE`.
  package var commands: [String]
  /// Each once, in the order of the parse tree, as the text writes them. Names that common table
  /// expressions give are no tables.
  package var tables: [TableName]
  /// Each once, in the order of ``StatementEffect``.
  package var effects: [StatementEffect]

  package init(
    fingerprint: UInt64, form: String, commands: [String], tables: [TableName],
    effects: [StatementEffect]
  ) {
    self.fingerprint = fingerprint
    self.form = form
    self.commands = commands
    self.tables = tables
    self.effects = effects
  }
}

/// Why a text has no facts.
package enum AnalysisFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// More than ``StatementAnalysis/maximumBytes``.
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
