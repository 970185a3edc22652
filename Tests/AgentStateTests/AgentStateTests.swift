import AgentState
import Foundation
import GatewayModel
import Testing

@Suite struct AgentStateTests {
  let bench: StateBench

  init() throws { bench = try StateBench() }

  @Test func enrolmentIsKeptOverARestart() async throws {
    try await bench.enrolled().close()
    let state = try AgentState.open(folder: bench.folder, for: .serve)
    #expect(try await state.isEnrolled())
    #expect(try await state.enrolment() == StateBench.enrolment)
    #expect(try await state.keys() == StateBench.keys)
    #expect(try await state.tlsIdentity() == StateBench.identity)
  }

  @Test func theControlPlanesCheckpointIsKeptOverARestart() async throws {
    var enrolment = StateBench.enrolment
    (enrolment.controlLog, enrolment.auditPublicKey) = ("id/1/0", "a2V5")
    let state = try AgentState.open(folder: bench.folder, for: .enrol)
    try await state.enrol(enrolment, keys: StateBench.keys, identity: StateBench.identity)
    #expect(try await state.controlCheckpoint() == nil)
    try await state.keepControlCheckpoint([1, 2, 3])
    try await state.keepControlCheckpoint([4, 5])
    state.close()
    let later = try AgentState.open(folder: bench.folder, for: .serve)
    #expect(try await later.controlCheckpoint() == [4, 5])
    #expect(try await later.enrolment() == enrolment)
  }

  @Test func aConflictWithTheControlPlanesLogIsKeptUntilItIsOver() async throws {
    let state = try await bench.enrolled()
    #expect(try await state.controlConflict() == nil)
    #expect(try await state.acceptControlLog(reason: "too early") == nil)
    #expect(try await state.controlConflict() == nil, "an acceptance is not kept in store")
    try await state.keepControlCheckpoint([1])
    try await state.keepControlConflict("behind", offered: [2])
    // While the agent runs, a person's program has a connection of its own.
    let other = try AgentState.open(folder: bench.folder, for: .inspect)
    #expect(
      try await other.acceptControlLog(reason: "restored")
        == ControlLogConflict(reason: "behind", offered: [2]))
    #expect(
      try await other.acceptControlLog(reason: "twice")
        == ControlLogConflict(reason: "behind", offered: [2], acceptance: "restored"))
    other.close()
    // Kept once more; what the person said stays.
    try await state.keepControlConflict("behind", offered: [2])
    #expect(
      try await state.controlConflict()
        == ControlLogConflict(reason: "behind", offered: [2], acceptance: "restored"))
    // It was not said of another one, be it of the same kind.
    try await state.keepControlConflict("behind", offered: [3])
    #expect(
      try await state.controlConflict() == ControlLogConflict(reason: "behind", offered: [3]))
    try await state.keepControlCheckpoint([3])
    #expect(try await state.controlConflict() == nil)
    try await state.keepControlConflict("root", offered: [4])
    try await state.forgetControlConflict()
    #expect(try await state.controlConflict() == nil)
    #expect(try await state.controlCheckpoint() == [3])
  }

  @Test func identityIsNeverOverwritten() async throws {
    let state = try await bench.enrolled()
    var other = StateBench.enrolment
    other.segment = "elsewhere"
    let error = await #expect(throws: AgentStateError.self) {
      try await state.enrol(other, keys: StateBench.keys, identity: StateBench.identity)
    }
    #expect(error?.code == .alreadyEnrolled)
    #expect(try await state.enrolment() == StateBench.enrolment)
  }

  @Test func beforeEnrolmentThereIsNothing() async throws {
    let state = try AgentState.open(folder: bench.folder, for: .enrol)
    #expect(try await !state.isEnrolled())
    #expect(try await state.bundle() == nil)
    #expect(try await state.highestVersion() == nil)
    let error = await #expect(throws: AgentStateError.self) { try await state.enrolment() }
    #expect(error?.code == .notEnrolled)
    await #expect(throws: AgentStateError.self) { try await state.keys() }
    await #expect(throws: AgentStateError.self) { try await state.tlsIdentity() }
  }

  @Test func renewalReplacesKeyAndCertificateTogether() async throws {
    let state = try await bench.enrolled()
    let renewed = TLSIdentity(
      privateKeyPEM: Secret(text: "second"), certificateChainPEM: "second chain")
    try await state.renew(renewed, authoritiesPEM: "second authorities")
    #expect(try await state.tlsIdentity() == renewed)
    #expect(try await state.enrolment().authoritiesPEM == "second authorities")
    #expect(try await state.keys() == StateBench.keys)
  }

  @Test func olderBundleDoesNotComeBackAlsoAfterARestart() async throws {
    let first = try await bench.enrolled()
    try await first.accept(StateBench.bundle(5, 0xAA))
    try await first.accept(StateBench.bundle(7, 0xBB))
    first.close()
    let state = try AgentState.open(folder: bench.folder, for: .serve)
    for refused in [
      StateBench.bundle(6, 0xCC), StateBench.bundle(7, 0xCC), StateBench.bundle(5, 0xAA),
    ] {
      await #expect(throws: AgentStateError.self) { try await state.accept(refused) }
    }
    #expect(try await state.bundle() == StateBench.bundle(7, 0xBB))
    let highest = try #require(try await state.highestVersion())
    #expect(highest.version == 7)
    #expect(highest.hash == StateBench.bundle(7, 0xBB).hash)
    try await state.accept(StateBench.bundle(7, 0xBB))
    try await state.accept(StateBench.bundle(8, 0xCC))
    #expect(try await state.bundle()?.version == 8)
  }

  @Test func numbersThatDoNotFitAreRefused() async throws {
    let state = try await bench.enrolled()
    await #expect(throws: AgentStateError.self) {
      try await state.accept(StateBench.bundle(.max, 1))
    }
    await #expect(throws: AgentStateError.self) {
      try await state.moveCursor(ShippingCursor(epoch: 1, lane: 0, nextSeq: .max))
    }
    #expect(try await state.bundle() == nil)
  }

  @Test func cursorsAreKeptForEachLog() async throws {
    let state = try await bench.enrolled()
    #expect(try await state.shippingCursors().isEmpty)
    try await state.moveCursor(ShippingCursor(epoch: 1, lane: 1, nextSeq: 10))
    try await state.moveCursor(ShippingCursor(epoch: 1, lane: 0, nextSeq: 20))
    try await state.moveCursor(ShippingCursor(epoch: 2, lane: 0, nextSeq: 1))
    try await state.moveCursor(ShippingCursor(epoch: 1, lane: 1, nextSeq: 5))
    #expect(
      try await state.shippingCursors() == [
        ShippingCursor(epoch: 1, lane: 0, nextSeq: 20),
        ShippingCursor(epoch: 1, lane: 1, nextSeq: 5),
        ShippingCursor(epoch: 2, lane: 0, nextSeq: 1),
      ])
  }

  /// A copy of the file at any moment is what a crash would leave: it opens, and holds the bundle
  /// before or after the acceptance, whole.
  @Test func crashDuringAcceptanceLeavesOldOrNew() async throws {
    let state = try await bench.enrolled()
    try await state.accept(StateBench.bundle(1, 1))
    let copies = Task { [bench] in
      var copies: [String] = []
      for number in 0..<40 {
        let copy = "\(bench.root)/copy\(number)"
        try FileManager.default.createDirectory(
          atPath: copy, withIntermediateDirectories: false,
          attributes: [.posixPermissions: 0o700])
        // The journal last: a later journal over an earlier file is a state a crash can leave,
        // since pages reach the file only when the journal has them.
        for file in ["agent.sqlite", "agent.sqlite-wal"] {
          try? FileManager.default.copyItem(
            atPath: "\(bench.folder)/\(file)", toPath: "\(copy)/\(file)")
        }
        copies.append(copy)
        await Task.yield()
      }
      return copies
    }
    for version in UInt64(2)...60 {
      try await state.accept(StateBench.bundle(version, UInt8(version)))
    }
    for copy in try await copies.value {
      let opened = try AgentState.open(folder: copy, for: .serve)
      let bundle = try #require(try await opened.bundle())
      #expect(bundle == StateBench.bundle(bundle.version, UInt8(bundle.version)))
      #expect(try await opened.highestVersion()?.version == bundle.version)
      opened.close()
    }
  }

  @Test func errorsNeverShowTheKeys() async throws {
    let state = try await bench.enrolled()
    state.close()
    let error = await #expect(throws: AgentStateError.self) {
      try await state.renew(StateBench.identity, authoritiesPEM: "x")
    }
    #expect(error?.code == .database)
    #expect(error?.message.contains("canary") == false)
  }
}
