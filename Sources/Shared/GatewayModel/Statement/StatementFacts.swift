/// What the text of a statement says of itself.
///
/// It is what stands there, nested commands included, and not what a server made of it: a view, a
/// function, an operator or a trigger hides what it does. A text with several statements has one value
/// with the facts of all.
package struct StatementFacts: Hashable, Sendable {
  /// Each once, in the order of the text: `DELETE`, `DROP TABLE`.
  package var commands: [String]
  package var effects: StatementEffects
  /// Each once and access, in the order of the text. Names that common table expressions give are no
  /// tables.
  package var tables: [TableUse]
  /// Each once, as the text names them; see ``ColumnName``.
  package var columns: [ColumnName]
  /// Each once: the functions that are called by name, and those behind special syntax that do more
  /// than compute.
  package var functions: [FunctionName]
  /// Why the text was not understood; `nil` when it was. An opaque text has the effect `unknown`.
  package var opacity: Opacity?
  /// An UPDATE, DELETE or MERGE that reaches every row: without a WHERE, or with one that is
  /// constant; a TRUNCATE.
  package var isUnfiltered: Bool
  /// A command of it reaches tables that it does not name: one with CASCADE, VACUUM of all, GRANT on all
  /// tables of a schema.
  package var isOpenEnded: Bool
  /// Names of the settings that are set or reset, in small letters, also by `set_config` with a
  /// constant name; `*` for RESET ALL, DISCARD ALL and a name that is not constant.
  package var settings: [String]

  package init(
    commands: [String] = [], effects: StatementEffects = [], tables: [TableUse] = [],
    columns: [ColumnName] = [], functions: [FunctionName] = [], opacity: Opacity? = nil,
    isUnfiltered: Bool = false, isOpenEnded: Bool = false, settings: [String] = []
  ) {
    self.commands = commands
    self.effects = effects
    self.tables = tables
    self.columns = columns
    self.functions = functions
    self.opacity = opacity
    self.isUnfiltered = isUnfiltered
    self.isOpenEnded = isOpenEnded
    self.settings = settings
  }

  /// What is said of a text that was not understood: nothing but that.
  package static func opaque(_ opacity: Opacity) -> StatementFacts {
    StatementFacts(effects: .unknown, opacity: opacity)
  }
}

extension StatementFacts {
  /// Why a text is opaque: its facts are not all there.
  package enum Opacity: String, Hashable, Sendable, Codable, CaseIterable {
    /// The grammar of PostgreSQL 15 has no such statement.
    case unparseable
    /// Longer than is looked at.
    case tooLong = "too_long"
    /// It nests deeper than is followed.
    case tooDeep = "too_deep"
    /// It has more tokens, tables, columns or functions than are followed.
    case tooMany = "too_many"
    /// It has a zero byte, or bytes that are no UTF-8.
    case encoding
    /// It runs code that it does not show: DO, CALL, the body of CREATE FUNCTION.
    case code
    /// It runs a statement that was prepared by SQL, or a cursor's, and is not known.
    case prepared
  }

  /// A table that a text names, and what is done with it.
  package struct TableUse: Hashable, Sendable {
    package enum Access: String, Hashable, Sendable, Codable, CaseIterable {
      case read
      case write
      /// Made, altered, dropped, locked, granted: named by a command that does not touch its rows.
      case other
    }

    package var name: TableName
    package var access: Access

    package init(name: TableName, access: Access) {
      self.name = name
      self.access = access
    }
  }

  /// A column that a text names: the parts as written, folded; the last is the column or `*`. What
  /// stands before it can be a table or an alias. A target list without a name (`SELECT *`, `t.*`,
  /// `RETURNING *`, a whole row such as `row_to_json(t)`) has `*` as its last part.
  package struct ColumnName: Hashable, Sendable {
    package var parts: [String]
    package init(parts: [String]) { self.parts = parts }
  }

  /// A function that a text calls: schema, if given, and name; folded.
  package struct FunctionName: Hashable, Sendable, CustomStringConvertible {
    package var parts: [String]
    /// What a call of it does; nothing for one that computes or reads, `unknown` for one that is none of
    /// PostgreSQL's own. Among the effects of the text, unless it is only stored or shown there.
    package var effects: StatementEffects

    package init(parts: [String], effects: StatementEffects) {
      self.parts = parts
      self.effects = effects
    }

    /// Whether it is one of PostgreSQL's own whose effect is known. A text that is not opaque has the
    /// effect `unknown` only for a function that is not.
    package var isKnown: Bool { !effects.contains(.unknown) }

    package var description: String { TableName(parts: parts).description }
  }
}
