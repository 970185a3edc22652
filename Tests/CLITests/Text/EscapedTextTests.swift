import Testing

@testable import sallyport

struct EscapedTextTests {
  @Test(arguments: [
    ("\u{1B}]0;owned\u{07}", "\\u{1B}]0;owned\\u{7}"),
    ("\u{9B}31m", "\\u{9B}31m"),
    ("a\u{7F}b", "a\\u{7F}b"),
    ("line\nline\r\tend", "line\\nline\\r\\tend"),
    ("\u{202E}gpj.exe", "\\u{202E}gpj.exe"),
    ("a\u{2028}b\u{200B}c", "a\\u{2028}b\\u{200B}c"),
    ("größe 東京 👩‍💻", "größe 東京 👩‍💻"),
  ])
  func escapesWhatATerminalCouldActOn(text: String, shown: String) {
    #expect(EscapedText.line(text) == shown)
  }

  @Test func keepsTheLinesOfABlock() {
    #expect(EscapedText.block("select\r\n\t1;\u{1B}c") == "select\n\t1;\\u{1B}c")
    // A lone carriage return would let later text overwrite earlier text.
    #expect(EscapedText.block("drop table x;\rselect 1") == "drop table x;\\rselect 1")
  }

  @Test func putsAStatementOnOneLine() {
    #expect(
      EscapedText.statement("  select *\n\tfrom   orders\r\n where id = '\u{1B}[2J' ")
        == "select * from orders where id = '\\u{1B}[2J'")
    #expect(EscapedText.statement("select 1", limit: 6) == "select…")
    #expect(EscapedText.statement("") == "")
  }
}
