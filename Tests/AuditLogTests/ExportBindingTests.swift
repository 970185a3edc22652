import Crypto
import Foundation
import GatewayModel
import Testing

@testable import AuditLog

/// What binds the parts of an export to each other: the order of the logs, the keys to the
/// enrolments, the epochs to each other, the control plane's own log to what the agents kept of it.
@Suite struct ExportBindingTests {
  private static func codes(_ report: VerificationReport) -> [Finding.Code] {
    report.findings.map(\.code)
  }

  /// A log of one record.
  private static func small(
    agent: UInt64 = 2, epoch: UInt64, lane: UInt32, _ key: Curve25519.Signing.PrivateKey,
    citing old: (size: UInt64, root: Hash256)? = nil, second: Int64 = 300
  ) throws -> ExportFixture.Log {
    let agent = AgentID(Identifier128(high: agent, low: agent))
    var log = ExportFixture.Log(LogID(agent: agent, epoch: epoch, lane: lane), key)
    log.append(
      LogOpenRecord(
        log: log.id, agentVersion: "1", host: "h", continued: false,
        previousRoot: old?.root.bytes ?? [], previousSize: old?.size ?? 0), second: second)
    try log.sign()
    return log
  }

  // MARK: Order

  @Test func theControlPlanesLogIsFirst() throws {
    var fixture = try ExportFixture.sound()
    fixture.controlPlace = 1
    #expect(Self.codes(try fixture.verify()) == [.unreadable])
    fixture.isComplete = false
    #expect(Self.codes(try fixture.verify()) == [.unreadable])
  }

  @Test func epochsDescendAndLanesComeOnce() throws {
    let sound = try ExportFixture.sound()
    let key = sound.logs[0].key
    // Without a citation, so that nothing but the order is wrong.
    for (epoch, lane, place) in [(8, 0, 1), (6, 0, 2), (8, 1, 0), (7, 0, 1), (7, 0, 2)] {
      var fixture = sound
      fixture.logs.insert(
        try Self.small(epoch: UInt64(epoch), lane: UInt32(lane), key), at: place)
      #expect(
        Self.codes(try fixture.verify()) == [.unreadable], "\(epoch) of lane \(lane) at \(place)")
    }
    for (epoch, lane, place) in [(8, 0, 0), (6, 0, 1), (8, 1, 1), (6, 1, 2), (1, 2, 0)] {
      var fixture = sound
      fixture.logs.insert(
        try Self.small(epoch: UInt64(epoch), lane: UInt32(lane), key), at: place)
      #expect(try fixture.verify().isSound, "\(epoch) of lane \(lane) at \(place)")
    }
  }

  @Test func theKeptCheckpointIsOfTheControlPlanesLog() throws {
    let fixture = try ExportFixture.sound()
    for log in [
      LogID(agent: fixture.control.id.agent, epoch: 2, lane: 0), fixture.logs[0].id,
    ] {
      let kept = Checkpoint(log: log, of: fixture.control.frontier(of: 2))
      #expect(Self.codes(try fixture.verify(kept: kept)) == [.unreadable])
    }
  }

  /// Another log under the control plane's id does not say what was witnessed or enrolled.
  @Test func aSecondLogOfTheControlPlaneBindsNothing() throws {
    var fixture = try ExportFixture.sound()
    var other = ExportFixture.Log(
      LogID(agent: fixture.control.id.agent, epoch: 2, lane: 1), fixture.control.key)
    other.append(
      AgentsWitnessRecord(heads: [
        .init(log: fixture.logs[1].id, size: 601, root: MerkleTree.leaf([1]), checkpoint: [])
      ]), second: 301)
    try other.sign()
    fixture.logs.insert(other, at: 0)
    let report = try fixture.verify()
    #expect(!report.findings.contains { $0.code == .witness })
    #expect(report.logs.map(\.isOfControlPlane) == [true, false, false, false])
  }

  // MARK: Keys

  /// The whole history of an agent made anew and signed with another key.
  @Test func aKeyOtherThanTheEnrolledOne() throws {
    var fixture = try ExportFixture.sound()
    let forged = Curve25519.Signing.PrivateKey()
    fixture.keys[1].ed25519 = forged.publicKey.rawRepresentation.base64EncodedString()
    for index in fixture.logs.indices {
      fixture.logs[index].key = forged
      try fixture.logs[index].sign()
    }
    let report = try fixture.verify()
    #expect(Self.codes(report) == [.signature])
    #expect(report.findings.first?.message.contains("enrolled") == true)
    fixture.isComplete = false
    #expect(Self.codes(try fixture.verify()) == [.signature])
  }

  @Test(arguments: ["", "{}", "{\"audit_key\":\"?\"}", "[]"])
  func anEnrolmentWithoutAKeyBindsToNone(detail: String) throws {
    var fixture = try ExportFixture.sound()
    var control = ExportFixture.Log(fixture.control.id, fixture.control.key)
    control.append(
      ControlActRecord(
        caller: RecordedCaller(tokenID: "", name: "", role: ""), action: "agent.enrol",
        subject: "\(fixture.logs[0].id.agent)", detail: detail))
    try control.sign()
    fixture.control = control
    #expect(Self.codes(try fixture.verify()) == [.signature])
  }

  @Test func anAgentThatWasNeverEnrolled() throws {
    var fixture = try ExportFixture.sound()
    let key = Curve25519.Signing.PrivateKey()
    let stranger = try Self.small(agent: 3, epoch: 1, lane: 0, key)
    fixture.logs.append(stranger)
    fixture.keys.append(
      ExportKey(
        agent: "\(stranger.id.agent)", name: "x",
        ed25519: key.publicKey.rawRepresentation.base64EncodedString()))
    #expect(Self.codes(try fixture.verify()) == [.unknownWriter])
    // One that was refused is none.
    fixture.control.append(
      ControlActRecord(
        caller: RecordedCaller(tokenID: "", name: "", role: ""), action: "agent.enrol",
        subject: "\(stranger.id.agent)", refusal: "invalid"), second: 301)
    try fixture.control.sign()
    #expect(Self.codes(try fixture.verify()) == [.unknownWriter])
    // Of what was asked for in part it is not known when the agent began.
    fixture.isComplete = false
    #expect(try fixture.verify().isSound)
    // Nor of one that was there before the control plane had a log.
    fixture.isComplete = true
    fixture.logs[2] = try Self.small(agent: 3, epoch: 1, lane: 0, key, second: -1)
    #expect(try fixture.verify().isSound)
  }

  @Test func anAgentThatIsNotTrusted() throws {
    let fixture = try ExportFixture.sound()
    let other = AgentID(Identifier128(high: 3, low: 3))
    let report = try fixture.verify(trusted: [other: [UInt8](repeating: 1, count: 32)])
    #expect(Self.codes(report) == [.unknownWriter, .unknownWriter])
    #expect(report.findings.map(\.log) == fixture.logs.map(\.id))
  }

  // MARK: The control plane's own log as the agents kept it

  /// The agent tells, in its log's last record, which checkpoint it had.
  private static func telling(_ known: (ExportFixture.Log) throws -> [UInt8]) throws
    -> VerificationReport
  {
    var fixture = try ExportFixture.sound()
    fixture.logs[0].append(
      WitnessConflictRecord(
        knownCheckpoint: try known(fixture.control), offeredCheckpoint: [], reason: "proof"),
      second: 301)
    try fixture.logs[0].sign()
    return try fixture.verify()
  }

  @Test func whatAgentsKeptOfTheControlPlanesLog() throws {
    for size in 0...3 {
      let report = try Self.telling {
        try Checkpoint(log: $0.id, of: $0.frontier(of: size)).signed(with: $0.key).bytes
      }
      #expect(report.findings == [], "\(size) records")
    }
    let other = MerkleTree.leaf([1])
    for size in [UInt64(1), 2, 3, 4, 900] {
      let report = try Self.telling {
        try Checkpoint(log: $0.id, size: size, root: other).signed(with: $0.key).bytes
      }
      #expect(Self.codes(report) == [.witness], "\(size) records")
      #expect(report.findings.first?.seq == 601)
      #expect(report.findings.first?.log == report.logs[1].log)
    }
    // What the control plane did not sign, or signed of another log, says nothing.
    let foreign = Curve25519.Signing.PrivateKey()
    #expect(
      try Self.telling {
        try Checkpoint(log: $0.id, size: 2, root: other).signed(with: foreign).bytes
      }.isSound)
    #expect(
      try Self.telling {
        let log = LogID(agent: $0.id.agent, epoch: 2, lane: 0)
        return try Checkpoint(log: log, size: 2, root: other).signed(with: $0.key).bytes
      }.isSound)
    #expect(try Self.telling { _ in [1, 2, 3] }.isSound)
  }

  @Test func equivocationsAreCounted() throws {
    var fixture = try ExportFixture.sound()
    #expect(try fixture.verify().equivocations == 0)
    for _ in 0..<2 {
      fixture.control.append(
        EquivocationRecord(
          log: fixture.logs[0].id, size: 3, storedRoot: MerkleTree.leaf([1]), checkpoint: [],
          detail: "x"), second: 301)
    }
    try fixture.control.sign()
    let report = try fixture.verify()
    #expect(report.isSound)
    #expect(report.equivocations == 2)
  }

  // MARK: Epochs and witnesses

  @Test func aCitedEpochIsThere() throws {
    let sound = try ExportFixture.sound()
    let old = sound.logs[0]
    let head = (size: old.end, root: old.frontier.root)
    let cites = try Self.small(epoch: 8, lane: 2, old.key, citing: head)
    var fixture = sound
    fixture.logs.append(cites)
    #expect(Self.codes(try fixture.verify()) == [.absent])
    #expect(try fixture.verify().findings.first?.log == cites.id)
    #expect(try fixture.verify().findings.first?.message.contains("601 records") == true)
    // A part need not have it.
    fixture.isComplete = false
    #expect(try fixture.verify().isSound)
    fixture = sound
    fixture.logs.insert(try Self.small(epoch: 8, lane: 0, old.key, citing: head), at: 0)
    #expect(try fixture.verify().isSound)
  }

  @Test func aLogThatIsWitnessedNoMore() throws {
    var fixture = try ExportFixture.sound()
    fixture.logs[0].append(HeartbeatRecord(openSessions: 0, backlogRecords: 0), second: 400)
    fixture.logs[0].append(HeartbeatRecord(openSessions: 0, backlogRecords: 0), second: 9000)
    try fixture.logs[0].sign()
    #expect(try fixture.verify().isSound, "nobody was witnessed since")
    func witnessed(at second: Int64) throws -> VerificationReport {
      var fixture = fixture
      var other = fixture.logs[1]
      other.append(HeartbeatRecord(openSessions: 0, backlogRecords: 0), second: second)
      try other.sign()
      fixture.logs[1] = other
      fixture.control.append(
        AgentsWitnessRecord(heads: [other.head(of: 602)]), second: second + 1)
      try fixture.control.sign()
      return try fixture.verify()
    }
    #expect(try witnessed(at: 990).isSound)
    let report = try witnessed(at: 1010)
    #expect(Self.codes(report) == [.witness])
    #expect(report.findings.first?.log == fixture.logs[0].id)
    #expect(report.findings.first?.seq == 601)
    fixture.isComplete = false
    #expect(try witnessed(at: 1010).isSound)
  }
}
