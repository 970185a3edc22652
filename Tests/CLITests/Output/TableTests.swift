import Testing

@testable import sallyport

struct TableTests {
  private let columns = [
    Column("NAME", minimumWidth: 4), Column("TEXT", minimumWidth: 8),
    Column("NOTE", dropOrder: 1), Column("N", rightAligned: true),
  ]
  private let rows: [[Cell]] = [
    ["orders", "select * from orders where id = 1", "fine", "3"],
    ["東京", "x", "", "12"],
  ]

  private func lines(width: Int?) -> [String] {
    Table(columns: columns, rows: rows)
      .lines(
        for: Terminal(
          isTerminal: false, measuredWidth: nil,
          environment: [
            "COLUMNS": width.map(String.init) ?? ""
          ]))
  }

  @Test func alignsWhatFits() {
    #expect(
      lines(width: 100) == [
        "NAME    TEXT                               NOTE   N",
        "orders  select * from orders where id = 1  fine   3",
        "東京    x                                        12",
      ])
  }

  @Test func shrinksTheWidestColumnFirst() {
    #expect(
      lines(width: 36) == [
        "NAME    TEXT                NOTE   N",
        "orders  select * from ord…  fine   3",
        "東京    x                         12",
      ])
  }

  @Test func leavesColumnsOutAndUsesTheRoom() {
    #expect(
      lines(width: 23) == [
        "NAME    TEXT          N",
        "orders  select * f…   3",
        "東京    x            12",
      ])
  }

  @Test func squeezesOnlyWhenNothingIsLeftToDrop() {
    let columns = [
      Column("WHO", minimumWidth: 3, comfortableWidth: 8), Column("ROLE", dropOrder: 1),
    ]
    let widths = {
      TableLayout(columns: columns, naturalWidths: [10, 4], available: $0).placements
    }
    #expect(widths(14).map(\.width) == [8, 4])
    #expect(widths(13).map(\.width) == [10])
    #expect(widths(9).map(\.width) == [9])
    #expect(widths(2).map(\.width) == [3])
  }

  @Test(arguments: [20, 21, 24, 30, 40, 60, 80])
  func neverExceedsTheTerminal(width: Int) {
    for line in lines(width: width) { #expect(DisplayWidth.of(line) <= width) }
  }

  @Test func neverCutsWhereNobodyMeasures() {
    let last = Table(
      columns: [Column("A"), Column("SQL", minimumWidth: 5)],
      rows: [
        ["a", Cell(String(repeating: "x", count: 500))]
      ])
    let terminal = Terminal(isTerminal: false, measuredWidth: nil, environment: [:])
    #expect(last.lines(for: terminal).last == "a  " + String(repeating: "x", count: 500))
  }

  @Test func coloursDoNotCountAsWidth() {
    var terminal = Terminal(isTerminal: true, measuredWidth: 10, environment: [:])
    terminal.colour = true
    let table = Table(
      columns: [Column("STATE", minimumWidth: 3), Column("N")],
      rows: [[Cell("failed", style: .failure), "1"]])
    #expect(table.lines(for: terminal).last == "\u{1B}[31mfailed\u{1B}[0m  1")
  }

  @Test func aRowShorterThanTheColumnsIsNoTrap() {
    let table = Table(columns: [Column("A"), Column("B")], rows: [["a"], []])
    let terminal = Terminal(isTerminal: false, measuredWidth: nil, environment: [:])
    #expect(table.lines(for: terminal) == ["A  B", "a", ""])
  }
}

struct TerminalTests {
  @Test func coloursOnlyAtATerminalThatWantsThem() {
    func colour(_ isTerminal: Bool, _ environment: [String: String]) -> Bool {
      Terminal(isTerminal: isTerminal, measuredWidth: 80, environment: environment).colour
    }
    #expect(colour(true, [:]))
    #expect(!colour(false, [:]))
    #expect(!colour(true, ["NO_COLOR": "1"]))
    #expect(colour(true, ["NO_COLOR": ""]))
    #expect(!colour(true, ["TERM": "dumb"]))
  }

  @Test func widthComesFromColumnsThenTheTerminal() {
    func width(_ isTerminal: Bool, _ measured: Int?, _ columns: String?) -> Int? {
      Terminal(
        isTerminal: isTerminal, measuredWidth: measured,
        environment: columns.map { ["COLUMNS": $0] } ?? [:]
      ).width
    }
    #expect(width(true, 120, nil) == 120)
    #expect(width(true, 120, "60") == 60)
    #expect(width(true, nil, "zero") == 80)
    #expect(width(false, nil, "0") == nil)
    #expect(width(false, nil, "60") == 60)
  }
}
