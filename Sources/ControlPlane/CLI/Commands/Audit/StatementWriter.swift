import APIModel

/// Writes statements as they come, in the format that was asked for.
struct StatementWriter {
  let format: StreamFormat
  let table: StatementTable
  let terminal: Terminal
  private var layout: TableLayout?
  private var headingWritten = false
  private(set) var rows = 0

  init(format: StreamFormat, wide: Bool, terminal: Terminal = .standardOutput()) {
    self.format = format
    table = StatementTable(wide: wide)
    self.terminal = terminal
  }

  /// - Parameter streaming: More rows may come at any time, so that widths are fixed beforehand.
  mutating func write(_ items: [StatementInfo], streaming: Bool = false) throws {
    let text = try self.text(items, streaming: streaming)
    if !text.isEmpty { try StandardOutput.write(text) }
  }

  /// What ``write(_:streaming:)`` writes; the heading stands before the first rows.
  mutating func text(_ items: [StatementInfo], streaming: Bool = false) throws -> String {
    rows += items.count
    var text = ""
    switch format {
    case .json, .jsonl:
      for item in items { text += try JSONText.line(item) + "\n" }
    case .csv:
      if !headingWritten { text += StatementCSV.heading }
      for item in items { text += StatementCSV.row(item, escaped: terminal.isTerminal) }
    case .table:
      guard !items.isEmpty || streaming else { return "" }
      text += tableText(items, streaming: streaming)
    }
    headingWritten = true
    return text
  }

  private mutating func tableText(_ items: [StatementInfo], streaming: Bool) -> String {
    let columns = table.columns
    let cells = items.map(table.row)
    // Wide rows run over the edge on purpose.
    let available = table.wide ? nil : terminal.width
    // The first page decides for the pages after it: columns must not jump.
    let layout =
      self.layout
      ?? (streaming
        ? TableLayout(streaming: columns, available: available)
        : TableLayout(columns: columns, rows: cells, available: available))
    self.layout = layout
    var lines: [String] = headingWritten ? [] : [layout.heading(columns, colour: terminal.colour)]
    lines += cells.map { layout.line($0, columns: columns, colour: terminal.colour) }
    return lines.isEmpty ? "" : lines.joined(separator: "\n") + "\n"
  }
}
