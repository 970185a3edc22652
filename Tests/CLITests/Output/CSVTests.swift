import Foundation
import Testing

@testable import sallyport

struct CSVTests {
  @Test(arguments: [
    ("plain", "plain"), ("", ""), ("a,b", "\"a,b\""), ("say \"hi\"", "\"say \"\"hi\"\"\""),
    ("two\nlines", "\"two\nlines\""), ("cr\r", "\"cr\r\""), (" space ", " space "),
    ("crlf\r\nend", "\"crlf\r\nend\""),
  ])
  func quotesWhatMustBe(text: String, field: String) {
    #expect(CSV.field(text) == field)
  }

  @Test func endsRowsWithCRLF() {
    #expect(CSV.row(["a", "", "b,c"]) == "a,,\"b,c\"\r\n")
  }
}

struct JSONTextTests {
  @Test func escapesWhatATerminalCouldActOn() throws {
    let hostile = ["a": "\u{9B}31m\u{1B}[0m\u{202E}\u{E0041}"]
    let line = try JSONText.line(hostile)
    #expect(line == #"{"a":"\u009b31m\u001b[0m\u202e\udb40\udc41"}"#)
    #expect(try JSONDecoder().decode([String: String].self, from: Data(line.utf8)) == hostile)
  }
}
