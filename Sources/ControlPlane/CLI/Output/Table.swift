/// A column of a table.
struct Column: Sendable, Equatable {
  var title: String
  var rightAligned = false
  /// The narrowest it may become where the terminal is too narrow; `nil` keeps it whole.
  var minimumWidth: Int?
  /// The narrowest it becomes as long as there is a column that can be left out instead;
  /// ``minimumWidth`` where none is given.
  var comfortableWidth: Int?
  /// Columns with a number can be left out where the terminal is too narrow, the highest number
  /// first.
  var dropOrder: Int?
  /// The width it has where rows come one by one and cannot be measured first.
  var streamWidth: Int?

  init(
    _ title: String, rightAligned: Bool = false, minimumWidth: Int? = nil,
    comfortableWidth: Int? = nil, dropOrder: Int? = nil, streamWidth: Int? = nil
  ) {
    self.title = title
    self.rightAligned = rightAligned
    self.minimumWidth = minimumWidth
    self.comfortableWidth = comfortableWidth ?? minimumWidth
    self.dropOrder = dropOrder
    self.streamWidth = streamWidth
  }
}

/// One cell; its text must be on one line and escaped: see ``EscapedText``.
struct Cell: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
  var text: String
  var style: Style?

  init(_ text: String, style: Style? = nil) {
    self.text = text
    self.style = style
  }

  init(stringLiteral value: String) { self.init(value) }
}

/// Which columns are shown and how wide.
struct TableLayout: Sendable, Equatable {
  struct Placement: Sendable, Equatable {
    /// Index of the column in the table.
    var column: Int
    /// Cells; `nil` for a last column that is never cut or filled.
    var width: Int?
  }

  static let gap = 2
  var placements: [Placement]

  /// Fits columns of the given natural widths into `available` cells: shrinks the widest columns
  /// as far as is comfortable, then leaves columns out, then shrinks what is left to its minimum.
  init(columns: [Column], naturalWidths: [Int], available: Int?) {
    var shown = Array(columns.indices)
    guard let available else {
      placements = shown.map { .init(column: $0, width: naturalWidths[$0]) }
      if let last = placements.indices.last { placements[last].width = nil }
      return
    }
    while true {
      let natural = shown.map { naturalWidths[$0] }
      let room = available - Self.gap * max(0, shown.count - 1)
      let dropped = shown.filter { columns[$0].dropOrder != nil }
        .max { (columns[$0].dropOrder ?? 0) < (columns[$1].dropOrder ?? 0) }
      let floors = shown.map {
        let column = columns[$0]
        return (dropped == nil ? column.minimumWidth : column.comfortableWidth) ?? Int.max
      }
      let widths = Self.shrink(natural, floors: floors, to: room)
      if let dropped, widths.reduce(0, +) > room {
        shown.removeAll { $0 == dropped }
        continue
      }
      placements = zip(shown, widths).map { .init(column: $0, width: $1) }
      return
    }
  }

  /// Takes from the widest first, so that no column is wider than another that had to give way,
  /// until the sum fits or all are at their floor.
  private static func shrink(_ natural: [Int], floors: [Int], to room: Int) -> [Int] {
    var widths = natural
    while widths.reduce(0, +) > room {
      let excess = widths.reduce(0, +) - room
      let shrinkable = widths.indices.filter { widths[$0] > floors[$0] }
      guard let widest = shrinkable.max(by: { widths[$0] < widths[$1] }) else { break }
      // Level with the next widest, or down to the floor, or by what is needed: the least of them.
      let next = shrinkable.filter { $0 != widest }.map { widths[$0] }.max() ?? 0
      let floor = max(floors[widest], min(next, widths[widest] - 1))
      widths[widest] = max(floor, widths[widest] - excess)
    }
    return widths
  }

  /// The layout for rows that are already there.
  init(columns: [Column], rows: [[Cell]], available: Int?) {
    let widths = columns.indices.map { index in
      rows.reduce(DisplayWidth.of(columns[index].title)) {
        index < $1.count ? max($0, DisplayWidth.of($1[index].text)) : $0
      }
    }
    self.init(columns: columns, naturalWidths: widths, available: available)
  }

  /// The layout for rows that come one by one.
  init(streaming columns: [Column], available: Int?) {
    let widths = columns.map { max($0.streamWidth ?? 0, DisplayWidth.of($0.title)) }
    self.init(columns: columns, naturalWidths: widths, available: available)
  }

  func heading(_ columns: [Column], colour: Bool) -> String {
    line(columns.map { Cell($0.title, style: .heading) }, columns: columns, colour: colour)
  }

  func line(_ cells: [Cell], columns: [Column], colour: Bool) -> String {
    var parts: [String] = []
    for (position, placement) in placements.enumerated() {
      guard placement.column < cells.count else { continue }
      let cell = cells[placement.column]
      let isLast = position == placements.count - 1
      var text = cell.text
      if let width = placement.width {
        let rightAligned = columns[placement.column].rightAligned
        text =
          isLast && !rightAligned
          ? DisplayWidth.cut(text, to: width)
          : DisplayWidth.fit(text, to: width, rightAligned: rightAligned)
      }
      parts.append(cell.style.map { $0.applied(to: text, colour: colour) } ?? text)
    }
    return parts.joined(separator: String(repeating: " ", count: Self.gap))
  }
}

/// Rows under headings.
struct Table: Sendable {
  var columns: [Column]
  var rows: [[Cell]]

  /// The lines of the table, at most as wide as the terminal where its columns allow it.
  func lines(for terminal: Terminal) -> [String] {
    let layout = TableLayout(columns: columns, rows: rows, available: terminal.width)
    return [layout.heading(columns, colour: terminal.colour)]
      + rows.map { layout.line($0, columns: columns, colour: terminal.colour) }
  }
}
