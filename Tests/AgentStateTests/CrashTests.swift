import AgentState
import Foundation
import GatewayModel
import Testing

/// What is in force after a crash: SQLite's file and its write-ahead log as they are when the
/// machine stops in the middle of an activation. Every write of it goes to the end of that log, so a
/// crash leaves a part of its bytes.
@Suite struct CrashTests {
  private static let database = "agent.sqlite"
  private static let log = "agent.sqlite-wal"

  private struct Files {
    var database: Data
    var log: Data
  }

  private func files(_ folder: String) throws -> Files {
    Files(
      database: try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(Self.database)")),
      log: try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(Self.log)")))
  }

  /// The state of a machine that stopped with these files.
  private func reopened<Answer>(
    _ files: Files, _ body: (AgentState) async throws -> Answer
  ) async throws -> Answer {
    let bench = try StateBench()
    try FileManager.default.createDirectory(
      atPath: bench.folder, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    try files.database.write(to: URL(fileURLWithPath: "\(bench.folder)/\(Self.database)"))
    try files.log.write(to: URL(fileURLWithPath: "\(bench.folder)/\(Self.log)"))
    let state = try AgentState.open(folder: bench.folder, for: .serve)
    defer { state.close() }
    return try await body(state)
  }

  /// What a crash may leave of `after`, from nothing new to all of it: at every 512 bytes, and a
  /// byte before each.
  private func crashes(from before: Files, to after: Files) -> [Files] {
    #expect(before.database == after.database, "the write-ahead log was folded in")
    let first = before.log.count
    #expect(after.log.count > first)
    let ends = Array(stride(from: first, to: after.log.count, by: 512)) + [after.log.count]
    return ends.flatMap { [max(first, $0 - 1), $0] }.map {
      Files(database: after.database, log: after.log.prefix($0))
    }
  }

  private func bundle(_ version: UInt64) -> StoredBundle {
    StoredBundle(
      version: version, hash: [UInt8](repeating: UInt8(version), count: 32),
      // Over several pages, so that an activation is several writes.
      envelope: [UInt8](repeating: UInt8(version), count: 9_000), rootVersion: version)
  }

  @Test func activationLeavesTheOldOrTheNewBundle() async throws {
    let bench = try StateBench()
    let state = try await bench.enrolled()
    defer { state.close() }
    try await state.accept(bundle(1))
    for version in UInt64(2)...3 {
      let before = try files(bench.folder)
      try await state.accept(bundle(version))
      let after = try files(bench.folder)
      var seen: [UInt64] = []
      for crash in crashes(from: before, to: after) {
        let (kept, highest) = try await reopened(crash) {
          (try await $0.bundle(), try await $0.highestVersion())
        }
        let stored = try #require(kept)
        #expect(stored == bundle(stored.version))
        #expect(highest?.version == stored.version)
        seen.append(stored.version)
      }
      #expect(Set(seen) == [version - 1, version])
      #expect(seen.sorted() == seen, "a later crash left an older bundle")
      #expect(seen.last != nil && seen.contains(version))
    }
  }

  @Test func leaseRootAndRenewalAreOldOrNewToo() async throws {
    let bench = try StateBench()
    let state = try await bench.enrolled()
    defer { state.close() }
    let pending = PendingRenewal(
      privateKeyPEM: Secret(text: String(repeating: "k", count: 5_000)), requestPEM: "csr")
    try await state.keep(StoredLease(rootVersion: 1, envelope: [1]))
    try await state.append([StoredRoot(version: 1, envelope: [1])])
    try await state.keep(pending)

    var before = try files(bench.folder)
    try await state.keep(StoredLease(rootVersion: 1, envelope: [2]))
    for crash in crashes(from: before, to: try files(bench.folder)) {
      let envelope = try await reopened(crash) { try await $0.lease()?.envelope }
      #expect(envelope == [1] || envelope == [2])
    }
    before = try files(bench.folder)
    try await state.append((2...4).map { StoredRoot(version: $0, envelope: [UInt8($0)]) })
    for crash in crashes(from: before, to: try files(bench.folder)) {
      let versions = try await reopened(crash) { try await $0.roots().map(\.version) }
      #expect(versions == [1] || versions == [1, 2, 3, 4])
    }
    before = try files(bench.folder)
    let renewed = TLSIdentity(
      privateKeyPEM: pending.privateKeyPEM, certificateChainPEM: "new chain")
    try await state.renew(renewed, authoritiesPEM: "new authorities")
    for crash in crashes(from: before, to: try files(bench.folder)) {
      let (identity, left) = try await reopened(crash) {
        (try await $0.tlsIdentity(), try await $0.pendingRenewal())
      }
      // Never a new certificate with its request still to be asked, or neither.
      #expect(
        identity == StateBench.identity && left == pending
          || identity == renewed && left == nil)
    }
  }
}

@Suite struct TrustStateTests {
  @Test func rootDocumentsHaveNoGapsAndDoNotGoBack() async throws {
    let bench = try StateBench()
    let state = try await bench.enrolled()
    defer { state.close() }
    try await state.append([StoredRoot(version: 3, envelope: [3])])
    for refused in [UInt64(2), 3, 5, .max] {
      await #expect(throws: AgentStateError.self) {
        try await state.append([StoredRoot(version: refused, envelope: [9])])
      }
    }
    await #expect(throws: AgentStateError.self) {
      // All or none.
      try await state.append([
        StoredRoot(version: 4, envelope: [4]), StoredRoot(version: 6, envelope: [6]),
      ])
    }
    #expect(try await state.roots() == [StoredRoot(version: 3, envelope: [3])])
  }

  @Test func removalHoldsOverARestart() async throws {
    let bench = try StateBench()
    let state = try await bench.enrolled()
    try await state.note(removed: true, at: WallTime(unixNanoseconds: 1))
    state.close()
    let again = try AgentState.open(folder: bench.folder, for: .serve)
    defer { again.close() }
    #expect(try await again.isRemoved())
    try await again.note(removed: false, at: WallTime(unixNanoseconds: 2))
    #expect(try await !again.isRemoved())
  }
}
