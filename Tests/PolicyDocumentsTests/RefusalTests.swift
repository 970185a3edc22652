import Testing

@testable import PolicyDocuments

@Suite struct RefusalTests {
  @Test func thereAreManyWaysToBeWrong() { #expect(BadInput.all.count >= 60) }

  @Test(arguments: BadInput.all) func badInputIsTold(input: BadInput) throws {
    let reading = PolicyReading([SourceFile(path: "p.yaml", text: input.text)])
    #expect(!reading.isUsable)
    let told = reading.diagnostics.filter { $0.severity == .error }
    #expect(
      told.contains {
        $0.place.line == input.line && $0.message.contains(input.message)
          && $0.remedy.contains(input.remedy)
      }, "\(told.map(\.description))")
    for diagnostic in told {
      #expect(diagnostic.place.file == "p.yaml" && diagnostic.place.column >= 1)
      #expect(!diagnostic.description.contains("\n") && diagnostic.description.utf8.count < 600)
    }
  }

  /// Cut anywhere, or with a byte changed, a file is read or refused, and nothing traps.
  @Test func damagedFilesAreReadOrRefused() {
    let bytes = Array(ReadingTests.whole.utf8)
    var state: UInt64 = 7
    var refused = 0
    for index in bytes.indices {
      var damaged = bytes
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      damaged[index] = UInt8(truncatingIfNeeded: state >> 33)
      for text in [damaged, Array(bytes[..<index])] {
        let reading = PolicyReading([
          SourceFile(path: "p", text: String(decoding: text, as: UTF8.self))
        ])
        refused += reading.isUsable ? 0 : 1
      }
    }
    #expect(refused > bytes.count / 2)
  }
}
