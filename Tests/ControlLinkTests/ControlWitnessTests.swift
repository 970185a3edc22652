import AgentLink
import AgentState
import AuditLog
import Crypto
import Foundation
import GatewayModel
import Synchronization
import TestSupport
import Testing

@testable import ControlLink

/// What an agent makes of the control plane's own log, and of a person who accepts another one.
@Suite struct ControlWitnessTests {
  private static let control = LogID(
    agent: AgentID(Identifier128(high: 9, low: 9)), epoch: 1, lane: 0)

  /// The control plane's log, as its database has it.
  private struct ControlLog {
    var leaves: [Hash256] = []
    var key: Curve25519.Signing.PrivateKey

    mutating func grow(_ count: Int, fill: UInt8 = 0) {
      for _ in 0..<count { leaves.append(MerkleTree.leaf([fill, UInt8(leaves.count & 0xFF)])) }
    }

    func answer(since size: UInt64) throws -> Sallyport_Link_V1_ShipResponse {
      let checkpoint = Checkpoint(
        log: ControlWitnessTests.control, size: UInt64(leaves.count), root: root(0..<leaves.count))
      let proof = MerkleProof.consistency(from: size, to: UInt64(leaves.count)) ?? []
      return try .with {
        $0.status = .stored
        $0.controlCheckpoint = Data(try checkpoint.signed(with: key).bytes)
        $0.controlConsistency = proof.map {
          Data(root(Int($0.lowerBound)..<Int($0.upperBound)).bytes)
        }
      }
    }

    private func root(_ range: Range<Int>) -> Hash256 {
      var frontier = MerkleFrontier()
      for leaf in leaves[range] { frontier.append(leaf) }
      return frontier.root
    }
  }

  /// One agent with its state, and what it has said.
  private final class Rig: Sendable {
    let folder: ScratchFolder
    let store: AgentState
    let enrolment: Enrolment
    let status = LinkStatus()
    let log = LogLines()
    let records = Mutex<[WitnessConflictRecord]>([])
    let refusesRecords = Mutex(false)

    init(key: Curve25519.Signing.PublicKey) async throws {
      folder = try ScratchFolder("witness")
      store = try AgentState.open(folder: folder.file("state"), for: .enrol)
      enrolment = Enrolment(
        agent: AgentID(Identifier128(high: 1, low: 2)), organisation: "example", segment: "prod",
        linkAddress: "control:8444", clientAddress: "gate:6432", policyPublicKeys: ["a2V5"],
        authoritiesPEM: "authorities", enrolledAt: WallTime(unixNanoseconds: 1),
        controlLog: "\(ControlWitnessTests.control)",
        auditPublicKey: key.rawRepresentation.base64EncodedString())
      try await store.enrol(
        enrolment, keys: AgentKeys(audit: Secret(text: "a"), sealing: Secret(text: "s")),
        identity: TLSIdentity(privateKeyPEM: Secret(text: "k"), certificateChainPEM: "chain"))
    }

    /// As after a start of the agent.
    func witness() async throws -> ControlWitness {
      try await ControlWitness(
        store: store, enrolment: enrolment, status: status, logger: log.logger,
        record: { record in
          if self.refusesRecords.withLock({ $0 }) { return false }
          self.records.withLock { $0.append(record) }
          return true
        })
    }

    var reasons: [String] { records.withLock { $0.map(\.reason) } }
    var conflict: String? { status.snapshot.witnessConflict }
  }

  /// An agent that has seen 20 records of a log, of which 12 are in the backup.
  private func restored() async throws -> (Rig, ControlWitness, ControlLog) {
    var control = ControlLog(key: Curve25519.Signing.PrivateKey())
    let rig = try await Rig(key: control.key.publicKey)
    let witness = try await rig.witness()
    for growth in [12, 8] {
      control.grow(growth)
      let claim = witness.claim()
      await witness.judge(try control.answer(since: claim.size), against: claim)
    }
    #expect(witness.claim().size == 20)
    #expect(rig.conflict == nil && rig.reasons.isEmpty)
    control.leaves.removeLast(8)
    return (rig, witness, control)
  }

  private func ask(_ witness: ControlWitness, _ control: ControlLog) async throws {
    let claim = witness.claim()
    await witness.judge(try control.answer(since: claim.size), against: claim)
  }

  @Test func aRestoredLogIsTrustedAgainWhenAPersonAcceptsIt() async throws {
    var (rig, witness, control) = try await restored()
    try await ask(witness, control)
    try await ask(witness, control)
    #expect(rig.reasons == ["behind"], "once")
    let conflict = try #require(rig.conflict)
    #expect(conflict.contains("is shorter than it was"))
    #expect(
      conflict.contains("sallyport-agent accept-control-log --state \(rig.store.path) --reason"))
    #expect(try await rig.store.controlConflict()?.reason == "behind")

    // The verb has a connection of its own, beside the agent's.
    let other = try AgentState.open(folder: rig.store.path, for: .inspect)
    let found = try await other.acceptControlLog(reason: "restored on Monday")
    #expect(found?.acceptance == nil)
    #expect(try await other.acceptControlLog(reason: "again")?.acceptance == "restored on Monday")
    other.close()
    control.grow(1, fill: 7)
    try await ask(witness, control)
    #expect(rig.conflict == nil)
    #expect(witness.claim().size == 12, "the one that the person was shown")
    #expect(rig.reasons == ["behind", "accepted: restored on Monday"])
    let record = try #require(rig.records.withLock { $0.last })
    #expect(Checkpoint(signed: record.knownCheckpoint, key: control.key.publicKey)?.size == 20)
    #expect(Checkpoint(signed: record.offeredCheckpoint, key: control.key.publicKey)?.size == 12)
    #expect(try await rig.store.controlConflict() == nil)

    // It is the one that is watched from here on, also after a start.
    control.grow(30, fill: 7)
    try await ask(witness, control)
    #expect(witness.claim().size == 43)
    let later = try await rig.witness()
    #expect(later.claim().size == 43)
    #expect(rig.conflict == nil)
    control.leaves.removeLast(3)
    try await ask(later, control)
    #expect(rig.reasons.last == "behind", "an acceptance is good for one log")
    #expect(rig.conflict != nil)
  }

  @Test func acceptedWhileTheAgentDoesNotRun() async throws {
    let (rig, witness, control) = try await restored()
    try await ask(witness, control)
    let second = try await rig.witness()
    #expect(rig.conflict != nil, "it is known from the start")
    try await ask(second, control)
    #expect(rig.reasons == ["behind"], "and said once")
    _ = try await rig.store.acceptControlLog(reason: "restored")
    let third = try await rig.witness()
    try await ask(third, control)
    #expect(rig.conflict == nil)
    #expect(third.claim().size == 12)
    #expect(rig.reasons == ["behind", "accepted: restored"])
  }

  /// Answers to shipments that went before say nothing of the log that is trusted now.
  @Test func answersOnTheirWayRaiseNoAlarm() async throws {
    let (rig, witness, control) = try await restored()
    try await ask(witness, control)
    let claims = [witness.claim(), witness.claim()]
    _ = try await rig.store.acceptControlLog(reason: "restored")
    for claim in claims {
      await witness.judge(try control.answer(since: claim.size), against: claim)
    }
    #expect(rig.conflict == nil)
    #expect(rig.reasons == ["behind", "accepted: restored"])
    #expect(witness.claim().size == 12)
    #expect(try await rig.store.controlConflict() == nil)
  }

  @Test func anotherKeyIsNotTrusted() async throws {
    var (rig, witness, control) = try await restored()
    control.key = Curve25519.Signing.PrivateKey()
    try await ask(witness, control)
    #expect(rig.conflict?.contains("enrol the agent again") == true)
    #expect(rig.conflict?.contains("accept-control-log") == false)
    let conflict = try #require(try await rig.store.controlConflict())
    #expect(!ControlLogText.canBeAccepted(conflict))
    _ = try await rig.store.acceptControlLog(reason: "all the same")
    try await ask(witness, control)
    #expect(witness.claim().size == 20)
    #expect(rig.reasons == ["signature"])
  }

  /// What was changed once more after the person looked is not what was accepted.
  @Test func theNextAnswerHasToBeginWithWhatWasAccepted() async throws {
    var (rig, witness, control) = try await restored()
    try await ask(witness, control)
    _ = try await rig.store.acceptControlLog(reason: "restored")
    control.leaves.removeLast(6)
    control.grow(10, fill: 9)
    try await ask(witness, control)
    #expect(witness.claim().size == 12)
    #expect(rig.conflict == nil)
    try await ask(witness, control)
    #expect(witness.claim().size == 12)
    #expect(rig.reasons == ["behind", "accepted: restored", "proof"])
    #expect(rig.conflict != nil)
    #expect(try await rig.store.controlConflict()?.acceptance == nil)
  }

  /// A log that takes no records keeps the trust from standing without its record.
  @Test func nothingIsTrustedThatIsNotRecorded() async throws {
    let (rig, witness, control) = try await restored()
    try await ask(witness, control)
    _ = try await rig.store.acceptControlLog(reason: "restored")
    rig.refusesRecords.withLock { $0 = true }
    try await ask(witness, control)
    #expect(witness.claim().size == 20)
    #expect(rig.conflict != nil)
    #expect(try await rig.store.controlConflict()?.acceptance == "restored")
    rig.refusesRecords.withLock { $0 = false }
    try await ask(witness, control)
    #expect(rig.reasons == ["behind", "accepted: restored"])
    #expect(witness.claim().size == 12)
    #expect(try await rig.store.controlConflict() == nil)
  }

  /// What was accepted is the log that was seen then, not the next that does not fit.
  @Test func anAcceptanceIsForgottenWhenTheLogFitsAgain() async throws {
    let (rig, witness, shortened) = try await restored()
    var control = shortened
    try await ask(witness, shortened)
    _ = try await rig.store.acceptControlLog(reason: "restored")
    control.grow(8)
    try await ask(witness, control)
    #expect(rig.conflict == nil)
    #expect(try await rig.store.controlConflict() == nil)
    try await ask(witness, shortened)
    #expect(rig.reasons == ["behind", "behind"])
    #expect(witness.claim().size == 20)
  }

  @Test func headsAreShownAsTheyAre() throws {
    let key = Curve25519.Signing.PrivateKey()
    let root = MerkleTree.leaf([1])
    let note = try Checkpoint(log: Self.control, size: 12, root: root).signed(with: key).bytes
    let text = Data(root.bytes).base64EncodedString()
    #expect(ControlLogText.head(note) == "12 records, root \(text)")
    #expect(ControlLogText.head(nil) == "none yet")
    #expect(ControlLogText.head([1, 2, 3]) == "not readable")
  }
}
