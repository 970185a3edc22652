import TestSupport
import Testing

/// A system that gives a test no disk to fill makes the test fail.
@Suite struct SmallFileSystemTests {
  @Test func withoutANamespaceTheTestFails() async throws {
    let error = await #expect(throws: TestFailure.self) {
      try await SmallFileSystem.with(
        megabytes: 1, in: [["sh", "-c", "echo not allowed >&2; exit 1"]]
      ) { path in
        Issue.record("ran with \(path)")
      }
    }
    #expect(error?.description.hasPrefix(SmallFileSystem.need) == true)
    #expect(error?.description.contains("not allowed") == true, "what the system said")
  }

  @Test func theNextNamespaceIsTriedWhereOneIsRefused() async throws {
    try await SmallFileSystem.with(
      megabytes: 1, in: [["false"]] + SmallFileSystem.namespaces
    ) { path in
      #expect(path.hasPrefix("/proc/"))
    }
  }
}
