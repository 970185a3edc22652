import APIModel

/// The columns in which statements are shown.
struct StatementTable: Sendable {
  /// Everything, cut nowhere.
  var wide: Bool

  var columns: [Column] {
    guard wide else {
      return [
        Column("TIME (UTC)", streamWidth: 19),
        Column("PRINCIPAL", minimumWidth: 9, comfortableWidth: 17, streamWidth: 20),
        Column("CONNECTION", minimumWidth: 8, comfortableWidth: 10, streamWidth: 14),
        Column("ROLE", minimumWidth: 6, dropOrder: 2, streamWidth: 10),
        Column("CLIENT", minimumWidth: 9, dropOrder: 3, streamWidth: 15),
        Column("STATEMENT", minimumWidth: 18, comfortableWidth: 30, streamWidth: 60),
        Column("ROWS", rightAligned: true, streamWidth: 4),
        Column("OUTCOME", minimumWidth: 12, comfortableWidth: 16, streamWidth: 18),
      ]
    }
    return [
      Column("TIME (UTC)", streamWidth: 23), Column("PRINCIPAL", streamWidth: 20),
      Column("ACTORS", streamWidth: 20), Column("CONNECTION", streamWidth: 14),
      Column("DATABASE", streamWidth: 12), Column("ROLE", streamWidth: 10),
      Column("AGENT", streamWidth: 36), Column("SESSION", streamWidth: 36),
      Column("NO.", rightAligned: true, streamWidth: 4), Column("CLIENT", streamWidth: 21),
      Column("APPLICATION", streamWidth: 12), Column("RULE", streamWidth: 20),
      Column("OBSERVED", streamWidth: 20),
      Column("ROWS", rightAligned: true, streamWidth: 5),
      Column("SERVER", rightAligned: true, streamWidth: 9),
      Column("TOTAL", rightAligned: true, streamWidth: 9), Column("OUTCOME", streamWidth: 18),
      Column("STATEMENT"),
    ]
  }

  func row(_ item: StatementInfo) -> [Cell] {
    func text(_ value: String?) -> Cell { Cell(EscapedText.line(value ?? "")) }
    let rows = Cell(item.rows.map { "\($0)" } ?? "")
    guard wide else {
      return [
        Cell(TimeText.shown(item.at)), text(item.principal), text(item.connection),
        text(item.databaseRole), Cell(StatementText.client(item.clientAddress)),
        Cell(StatementText.statement(item)), rows, StatementText.outcome(item),
      ]
    }
    return [
      Cell(TimeText.shown(item.at, precise: true)), text(item.principal),
      Cell(StatementText.actors(item.actors)), text(item.connection), text(item.database),
      text(item.databaseRole), text(item.agent), text(item.session),
      Cell(item.statement.map { "\($0)" } ?? ""), text(item.clientAddress),
      text(item.applicationName), text(StatementText.rule(item)),
      text(item.observed.map { StatementText.observed($0) }), rows,
      Cell(StatementText.milliseconds(item.serverMilliseconds)),
      Cell(StatementText.milliseconds(item.totalMilliseconds)), StatementText.outcome(item),
      Cell(StatementText.statement(item, limit: .max)),
    ]
  }
}
