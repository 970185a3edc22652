internal import GatewayModel

/// A pattern for tables or functions: `public.orders`, `app.*`, `"Orders"`; a name without a schema
/// stands for that name in every schema.
package struct TablePattern: PolicyText {
  package let text: String
  /// ``NamePattern/any`` where the pattern names none.
  let schema: NamePattern
  let name: NamePattern

  package init(text: String) throws(PatternFailure) {
    let pattern = try QualifiedPattern(
      text: text, maximumParts: 2, example: "\"public.orders\", \"public.*\" or \"orders\"")
    self.init(text: text, parts: pattern.parts)
  }

  init(text: String, parts: [NamePattern]) {
    self.text = text
    name = parts.last ?? .any
    schema = parts.count > 1 ? parts[parts.count - 2] : .any
  }

  package var description: String { text }

  /// The name without its schema, where the pattern means that one alone.
  package var exactName: String? { name.isExact ? name.text : nil }

  /// Whether a name as a statement writes it can mean something that the pattern matches: one
  /// without a schema can be of any.
  package func mayMean(_ parts: [String]) -> Bool {
    guard let last = parts.last, name.matches(last) else { return false }
    return parts.count < 2 || schema.matches(parts[parts.count - 2])
  }

  /// Whether a name as a statement writes it means something that the pattern matches, whatever the
  /// search path is.
  package func surelyMeans(_ parts: [String]) -> Bool {
    guard let last = parts.last, name.matches(last) else { return false }
    return schema.isAny || parts.count > 1 && schema.matches(parts[parts.count - 2])
  }

  /// Whether it matches all that the other matches.
  package func covers(_ other: TablePattern) -> Bool {
    schema.covers(other.schema) && name.covers(other.name)
  }
}

/// A pattern for columns: `public.customers.email`, `customers.email`, `email`.
package struct ColumnPattern: PolicyText {
  package let text: String
  /// `nil` where the pattern names no table.
  package let table: TablePattern?
  let column: NamePattern

  package init(text: String) throws(PatternFailure) {
    let pattern = try QualifiedPattern(
      text: text, maximumParts: 3, example: "\"public.customers.email\" or \"email\"")
    self.text = text
    column = pattern.parts.last ?? .any
    table =
      pattern.parts.count > 1
      ? TablePattern(text: text, parts: pattern.parts.dropLast()) : nil
  }

  package var description: String { text }

  /// The name without its table, where the pattern means that one alone.
  package var exactName: String? { column.isExact ? column.text : nil }

  /// Whether the pattern means a column of a known table.
  package func matches(table parts: [String], column name: String) -> Bool {
    column.matches(name) && (table?.mayMean(parts) ?? true)
  }

  /// Whether it matches all that the other matches.
  package func covers(_ other: ColumnPattern) -> Bool {
    guard column.covers(other.column) else { return false }
    guard let table else { return true }
    return other.table.map(table.covers) ?? false
  }

  /// Whether the statement can name such a column. What stands before a column's name can be an
  /// alias, so any table of the statement can be its own.
  func mayBeNamed(in facts: StatementFacts) -> Bool {
    guard table == nil || facts.tables.contains(where: { mayBeOf($0) }) else { return false }
    // COPY without a list of columns names all of them.
    return facts.columns.contains { mayMean($0.parts) } || facts.commands.contains("COPY")
  }

  private func mayBeOf(_ use: StatementFacts.TableUse) -> Bool {
    table?.mayMean(use.name.parts) ?? true
  }

  private func mayMean(_ parts: [String]) -> Bool {
    guard let last = parts.last, last == "*" || column.matches(last) else { return false }
    // A schema, too, stands before it: that is no alias.
    guard parts.count > 2, let table else { return true }
    return table.mayMean(parts.dropLast())
  }

  /// Whether what the statement writes there is surely a column that the pattern matches.
  func surelyMeans(_ name: StatementFacts.ColumnName, of tables: [StatementFacts.TableUse]) -> Bool
  {
    guard let last = name.parts.last else { return false }
    guard last == "*" ? column.isAny : column.matches(last) else { return false }
    guard let table else { return true }
    return !tables.isEmpty && tables.allSatisfy { table.surelyMeans($0.name.parts) }
  }
}
