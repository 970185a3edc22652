import Foundation

/// Writes a listing in the format that was asked for.
enum Listing {
  /// - Parameter empty: What to say on standard error when there is nothing, with a next step.
  static func write<Item: Encodable>(
    _ items: [Item], format: ListFormat, empty: String, columns: [Column],
    row: (Item) -> [Cell]
  ) throws {
    switch format {
    case .json:
      try StandardOutput.line(try JSONText.pretty(items))
    case .table:
      guard !items.isEmpty else {
        StandardError.line(empty)
        return
      }
      try write(Table(columns: columns, rows: items.map(row)))
    }
  }

  static func write(_ table: Table) throws {
    let lines = table.lines(for: .standardOutput())
    try StandardOutput.write(lines.joined(separator: "\n") + "\n")
  }

  /// One thing with its properties, a line each; properties without a value are left out.
  static func write(properties: [(String, String?)]) throws {
    let colour = Terminal.standardOutput().colour
    let present = properties.compactMap { name, value in value.map { (name, $0) } }
    let width = present.map { DisplayWidth.of($0.0) }.max() ?? 0
    for (name, value) in present {
      let label = Style.heading.applied(
        to: DisplayWidth.fit(name, to: width), colour: colour)
      let indented = value.replacing("\n", with: "\n" + String(repeating: " ", count: width + 2))
      try StandardOutput.line("\(label)  \(indented)")
    }
  }
}
