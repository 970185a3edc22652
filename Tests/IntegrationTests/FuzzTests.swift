import Foundation
import TestSupport
import Testing

/// A short run of the differential fuzzer (docs/testing.md) over the programs as they were built.
@Suite(.serialized) struct FuzzTests {
  /// The same seed each time, so that a failure is of what changed. `make fuzz` tries new ones.
  @Test func randomSequencesGetTheSameAnswersDirectAndThroughTheAgent() async throws {
    let programs = URL(fileURLWithPath: try Fleet.program("sallyport-agent"))
      .deletingLastPathComponent().path
    let outcome = try await run(
      "python3",
      [
        Checkout.root.appending(path: "Tests/Fuzz/fuzz.py").path, "--binaries", programs, "--seed",
        "1", "--count", "600",
      ], within: .seconds(240))
    #expect(outcome.exit == .code(0), "\(outcome.output)\(outcome.errors)")
    let last = outcome.output.split(separator: "\n").last ?? ""
    #expect(last.hasPrefix("seed 1: 600 sequences, 0 differences"), "\(last)")
  }
}
