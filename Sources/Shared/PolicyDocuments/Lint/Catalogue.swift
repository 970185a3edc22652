internal import PolicyEngine

/// The tables and columns that a database has.
package struct Catalogue: Sendable {
  /// Schema and name of each table, with its columns.
  package var tables: [(name: [String], columns: [String])]

  package init(tables: [(name: [String], columns: [String])]) { self.tables = tables }

  /// Reads `catalogue: { public.orders: [id, total] }`.
  package static func reading(_ file: SourceFile) -> (
    catalogue: Catalogue?, diagnostics: [Diagnostic]
  ) {
    let reading = NodeReading()
    do throws(YAMLRefusal) {
      var catalogue = Catalogue(tables: [])
      for node in try YAMLEvents.documents(of: file) {
        reading.take(node, into: &catalogue)
      }
      return (reading.hasErrors ? nil : catalogue, reading.diagnostics)
    } catch {
      return (nil, [error.diagnostic])
    }
  }

  /// Whether a pattern means a table that is there, or one of PostgreSQL's own.
  func has(_ pattern: TablePattern) -> Bool {
    Self.isOwn(pattern.text) || tables.contains { pattern.mayMean($0.name) }
  }

  func has(_ pattern: ColumnPattern) -> Bool {
    Self.isOwn(pattern.text)
      || tables.contains { table in
        table.columns.contains { pattern.matches(table: table.name, column: $0) }
      }
  }

  /// Schemas that every database has and no catalogue lists.
  private static func isOwn(_ text: String) -> Bool {
    text.hasPrefix("pg_") || text.hasPrefix("information_schema.")
  }
}

extension NodeReading {
  fileprivate func take(_ node: YAMLNode, into catalogue: inout Catalogue) {
    guard let keys = keys(node, ["catalogue"], of: "a catalogue"), let entry = keys["catalogue"]
    else { return }
    guard case .map(let entries) = entry.value.content else {
      refuse(
        entry.value.place, "\"catalogue\" is \(entry.value.excerpt)",
        remedy: "write a mapping, such as public.orders: [id, total]")
      return
    }
    for table in entries {
      let parts = table.key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, !parts.contains("") else {
        refuse(
          table.place, "\(YAMLNode.quoted(table.key)) is not a table with its schema",
          remedy: "write it such as public.orders")
        continue
      }
      catalogue.tables.append((parts, items(table).map(\.text)))
    }
  }
}
