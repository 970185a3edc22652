import Foundation
import Testing

@testable import StatementAnalysis

/// What the parser keeps. The process's memory is measured, so the Makefile runs this in a process of
/// its own.
@Suite struct ParserMemoryTests {
  @Test func memoryDoesNotGrow() throws {
    let texts = [
      "SELECT a, b FROM t JOIN u USING (c) WHERE d = 1", "SELEC", "SELECT '", "DO $$x$$",
      "WITH x AS (SELECT 1) SELECT * FROM x", "SELECT 1" + String(repeating: "+1", count: 100),
      "SELECT 1 FROM t0" + (1...60).map { ", t\($0)" }.joined(),
    ]
    func rounds(_ count: Int) {
      for _ in 0..<count { for text in texts { _ = StatementAnalysis.facts(of: text) } }
    }
    rounds(200)
    let before = try residentBytes()
    rounds(20_000)
    // A leak of a hundred bytes a text would be 14 MB.
    #expect(try residentBytes() - before < 8 << 20)
  }

  private func residentBytes() throws -> Int {
    let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(
      separator: " ")
    return (Int(pages[1]) ?? 0) * 4096
  }
}
