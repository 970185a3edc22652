import Testing

@testable import sallyport

struct DisplayWidthTests {
  @Test(arguments: [
    ("", 0), ("select", 6), ("größe", 5), ("gro\u{308}ße", 5), ("東京", 4), ("한국", 4),
    ("ｆｕｌｌ", 8), ("👍", 2), ("👩‍💻", 2), ("🇩🇪", 2), ("❤️", 2), ("→…", 2),
  ])
  func countsCells(text: String, cells: Int) {
    #expect(DisplayWidth.of(text) == cells)
  }

  @Test func cutsAtCells() {
    #expect(DisplayWidth.cut("select 1", to: 8) == "select 1")
    #expect(DisplayWidth.cut("select 12", to: 8) == "select …")
    #expect(DisplayWidth.cut("東京都庁", to: 8) == "東京都庁")
    #expect(DisplayWidth.cut("東京都庁", to: 7) == "東京都…")
    #expect(DisplayWidth.cut("東京都庁", to: 6) == "東京…")
    #expect(DisplayWidth.cut("abc", to: 1) == "…")
    #expect(DisplayWidth.cut("abc", to: 0) == "")
  }

  @Test(arguments: 0...12)
  func neverExceedsTheWidth(width: Int) {
    for text in ["東京都庁の表", "a東b京c", "👩‍💻👩‍💻👩‍💻", "plain text here", "e\u{301}e\u{301}e"] {
      #expect(DisplayWidth.of(DisplayWidth.cut(text, to: width)) <= width)
      #expect(DisplayWidth.of(DisplayWidth.fit(text, to: width)) == width)
      #expect(DisplayWidth.of(DisplayWidth.fit(text, to: width, rightAligned: true)) == width)
    }
  }
}
