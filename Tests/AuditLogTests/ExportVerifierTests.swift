import Crypto
import Foundation
import GatewayModel
import Testing

@testable import AuditLog

/// What somebody with the database in his hands can do to the trail, and how it is named.
@Suite struct ExportVerifierTests {
  /// Tampers with a sound export; the first finding must be this.
  private func expect(
    _ code: Finding.Code, log: Int? = 0, seq: UInt64?, kept: Checkpoint? = nil,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ tamper: (inout ExportFixture) throws -> Void
  ) throws {
    var fixture = try ExportFixture.sound()
    let id = log.map { fixture.logs[$0].id }
    try tamper(&fixture)
    let report = try fixture.verify(kept: kept)
    let first = try #require(report.findings.first, sourceLocation: sourceLocation)
    #expect(first.code == code, "\(report.findings)", sourceLocation: sourceLocation)
    #expect(first.seq == seq, "\(report.findings)", sourceLocation: sourceLocation)
    if code != .unreadable { #expect(first.log == id, sourceLocation: sourceLocation) }
  }

  @Test func aSoundExport() throws {
    let report = try ExportFixture.sound().verify()
    #expect(report.findings == [])
    #expect(report.isComplete)
    #expect(report.records == 3 + 2 * 601)
    #expect(report.logs.map(\.size) == [3, 601, 601])
    #expect(report.logs.map(\.isOfControlPlane) == [true, false, false])
    #expect(report.logs[1].facts.records == 601)
    #expect(report.logs[1].facts.first == ExportFixture.time(0))
    #expect(report.logs[1].facts.last == ExportFixture.time(300))
  }

  @Test func anEditedRecord() throws {
    try expect(.altered, seq: 401) { try Self.edit(&$0.logs[0], at: 401) }
    // With the stored hash made to fit, what was witnessed still says where it is.
    try expect(.altered, seq: 300) {
      try Self.edit(&$0.logs[0], at: 401)
      let bytes = try #require(Data(base64Encoded: $0.logs[0].records[401].bytes))
      $0.logs[0].leaves[401] = MerkleTree.leaf(Array(bytes))
    }
  }

  private static func edit(_ log: inout ExportFixture.Log, at seq: Int) throws {
    let bytes = try #require(Data(base64Encoded: log.records[seq].bytes))
    guard case .statementBegin(var begin) = try RecordDecoder.decode(bytes).body else {
      Issue.record("record \(seq) is no begin")
      return
    }
    let header = try RecordDecoder.decode(bytes).header
    begin.rule = "h"
    log.records[seq].bytes = Data(RecordEncoder.encode(begin, header: header))
      .base64EncodedString()
  }

  @Test(arguments: [0, 1, 255, 256, 299, 300, 599])
  func aDeletedRecord(seq: Int) throws {
    try expect(.missing, seq: UInt64(seq)) { $0.logs[0].records.remove(at: seq) }
  }

  @Test func theLastRecordDeleted() throws {
    try expect(.truncated, seq: 600) { $0.logs[0].records.removeLast() }
  }

  @Test func anInsertedRecord() throws {
    try expect(.misplaced, seq: 401) {
      $0.logs[0].records.insert($0.logs[0].records[400], at: 401)
    }
    try expect(.misplaced, seq: 601) {
      $0.logs[0].append(LogCloseRecord(reason: "forged"), second: 300)
    }
  }

  @Test func swappedRecords() throws {
    try expect(.missing, seq: 100) { $0.logs[0].records.swapAt(100, 102) }
  }

  @Test func changedColumns() throws {
    try expect(.column, seq: 33) { $0.logs[0].records[33].at += 1 }
    try expect(.column, seq: 33) { $0.logs[0].records[33].kind = "loss" }
    try expect(.column, seq: 33) { $0.logs[0].records[33].session = nil }
    try expect(.column, seq: 33) { $0.logs[0].records[33].statement = 5 }
  }

  @Test func changedArrivals() throws {
    // Too late by itself, and the next too early behind it.
    try expect(.arrival, seq: 33) { $0.logs[0].records[33].received += 3_600_000_000 }
    // In order, but later than it was witnessed to be there.
    try expect(.arrival, seq: 299) {
      for seq in 299..<601 {
        $0.logs[0].records[seq].received = ExportFixture.time(302).microseconds
      }
    }
    // In order, but before it was witnessed not to be there.
    try expect(.arrival, seq: 300) {
      for seq in 0..<601 { $0.logs[0].records[seq].received = ExportFixture.time(0).microseconds }
    }
  }

  /// The tail is cut and an older checkpoint, which the agent did sign, is put in its place.
  @Test func aTruncatedTail() throws {
    try expect(.truncated, seq: 300) { fixture in
      var log = fixture.logs[0]
      log.frontier = log.frontier(of: 300)
      try log.sign()
      log.records.removeLast(301)
      log.leaves.removeLast(301)
      fixture.logs[0] = log
    }
  }

  @Test func aDroppedLogAndADroppedAgent() throws {
    try expect(.absent, log: 1, seq: nil) { $0.logs.remove(at: 1) }
    try expect(.absent, log: 0, seq: nil) {
      $0.logs = []
      $0.keys.removeLast()
    }
  }

  @Test func aDroppedControlPlane() throws {
    try expect(.unreadable, log: nil, seq: nil) {
      $0.control.id = LogID(agent: $0.control.id.agent, epoch: 0, lane: 0)
    }
    // With nothing else either.
    try expect(.absent, log: nil, seq: nil) {
      $0.control.id = LogID(agent: $0.control.id.agent, epoch: 0, lane: 0)
      $0.logs = []
    }
  }

  @Test func anotherSigner() throws {
    try expect(.signature, seq: nil) {
      $0.logs[0].key = Curve25519.Signing.PrivateKey()
      try $0.logs[0].sign()
    }
    try expect(.signature, seq: nil) { $0.logs[0].checkpoint = $0.logs[1].checkpoint }
    try expect(.signature, seq: nil) { $0.logs[0].checkpoint = "" }
    try expect(.unknownWriter, seq: nil) { $0.keys.removeLast() }
  }

  /// The agent's key and all it has signed exchanged together: only who kept the key sees it.
  @Test func anotherKeyThanTheTrustedOne() throws {
    let fixture = try ExportFixture.sound()
    let agent = fixture.logs[0].id.agent
    let report = try fixture.verify(trusted: [agent: [UInt8](repeating: 1, count: 32)])
    #expect(report.findings.map(\.code) == [.signature, .unknownWriter, .unknownWriter])
    let own = Array(fixture.logs[0].key.publicKey.rawRepresentation)
    #expect(try fixture.verify(trusted: [agent: own]).isSound)
  }

  @Test func anAbsentPrefix() throws {
    try expect(.missing, seq: 0) { _ = $0.logs[0].prune(40) }
    // With the record of it, signed like all the control plane's.
    var fixture = try ExportFixture.sound()
    let pruned = fixture.logs[0].prune(40)
    fixture.control.append(
      RetentionPruneRecord(
        day: "2026-01-01", logs: [pruned], records: 40, exportFile: "x", exportSHA256: []),
      second: 400)
    try fixture.control.sign()
    #expect(try fixture.verify().findings == [])
    #expect(try fixture.verify().logs[1].from == 40)
    // One that says less than is absent.
    _ = fixture.logs[0].prune(1)
    #expect(try fixture.verify().findings.map(\.code) == [.missing])
    // What was asked for is not all.
    fixture.isComplete = false
    #expect(try fixture.verify().isSound)
  }

  @Test func aPartOfALog() throws {
    var fixture = try ExportFixture.sound()
    try fixture.logs[0].end(at: 400)
    #expect(try fixture.verify().findings.map(\.code) == [.unreadable], "not in one of everything")
    fixture.isComplete = false
    #expect(try fixture.verify().findings == [])
    _ = fixture.logs[0].prune(100)
    #expect(try fixture.verify().findings == [], "from 100 to 400")
    var edited = fixture
    try Self.edit(&edited.logs[0], at: 201)
    #expect(try edited.verify().findings.map(\.seq) == [300], "301, and up to 300 all agree")
    fixture.logs[0].consistency?.removeLast()
    #expect(try fixture.verify().findings.map(\.code) == [.altered])
  }

  @Test func everythingPruned() throws {
    var fixture = try ExportFixture.sound()
    let pruned = fixture.logs[0].prune(601)
    fixture.control.append(
      RetentionPruneRecord(
        day: "2026-01-01", logs: [pruned], records: 601, exportFile: "x", exportSHA256: []),
      second: 400)
    try fixture.control.sign()
    #expect(try fixture.verify().findings == [])
  }

  @Test func epochsCiteTheOneBefore() throws {
    func fixture(_ change: (inout LogOpenRecord) -> Void) throws -> ExportFixture {
      var fixture = try ExportFixture.sound()
      let old = fixture.logs[0]
      var next = ExportFixture.Log(
        LogID(agent: old.id.agent, epoch: 8, lane: old.id.lane), old.key)
      var open = LogOpenRecord(
        log: next.id, agentVersion: "1", host: "h", continued: false,
        previousRoot: old.frontier.root.bytes, previousSize: 601)
      change(&open)
      next.append(open, second: 500)
      try next.sign()
      fixture.logs.insert(next, at: 0)
      return fixture
    }
    #expect(try fixture { _ in }.verify().findings == [])
    let longer = try fixture { $0.previousSize = 700 }.verify()
    #expect(longer.findings.map(\.code) == [.truncated])
    #expect(longer.findings.map(\.seq) == [601])
    let other = try fixture { $0.previousRoot = [UInt8](repeating: 1, count: 32) }.verify()
    #expect(other.findings.map(\.code) == [.epoch])
  }

  @Test func theKeptCheckpoint() throws {
    let fixture = try ExportFixture.sound()
    let frontier = fixture.control.frontier(of: 2)
    let kept = Checkpoint(log: fixture.control.id, of: frontier)
    #expect(try fixture.verify(kept: kept).isSound)
    let other = Checkpoint(log: fixture.control.id, size: 2, root: MerkleTree.leaf([1]))
    #expect(try fixture.verify(kept: other).findings.map(\.code) == [.witness])
    let longer = Checkpoint(log: fixture.control.id, size: 9, root: MerkleTree.leaf([1]))
    #expect(try fixture.verify(kept: longer).findings.map(\.code) == [.truncated])
  }

  @Test func whatIsNoExport() throws {
    try expect(.unreadable, seq: nil) { $0.trailing = ["{}"] }
    try expect(.unreadable, seq: nil) { $0.trailing = [""] }
    try expect(.unreadable, seq: nil) { $0.hasClose = false }
    try expect(.unreadable, seq: nil) { $0.hashChange = "0" }
    var verifier = ExportVerifier()
    verifier.take(Data("{\"later\":{}}".utf8))
    #expect(!verifier.isReadable)
    #expect(verifier.finish().findings.map(\.code) == [.unreadable])
    var nothing = ExportVerifier()
    #expect(nothing.finish().findings.map(\.code) == [.unreadable])
  }

  /// Each line left out or doubled, and bytes changed at random: never sound, never a trap.
  @Test func noLineCanBeLeftOutOrDoubled() throws {
    var fixture = try ExportFixture.sound()
    fixture.logs[0].records.removeLast(590)
    fixture.logs[0].leaves.removeLast(590)
    fixture.logs[0].frontier = fixture.logs[0].frontier(of: 11)
    try fixture.logs[0].sign()
    fixture.logs.removeLast()
    fixture.control = ExportFixture.Log(fixture.control.id, fixture.control.key)
    fixture.control.append(AgentsWitnessRecord(heads: [fixture.logs[0].head(of: 11)]), second: 9)
    try fixture.control.sign()
    let lines = try fixture.lines
    #expect(try fixture.verify().isSound)
    for index in lines.indices {
      for isDoubled in [false, true] {
        var verifier = ExportVerifier()
        for (other, line) in lines.enumerated() {
          if other != index || isDoubled { verifier.take(line) }
          if other == index, isDoubled { verifier.take(line) }
        }
        #expect(!verifier.finish().isSound, "line \(index)")
      }
    }
    var random = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let index = Int.random(in: 0..<lines.count, using: &random)
      let place = Int.random(in: 0..<lines[index].count, using: &random)
      var verifier = ExportVerifier()
      for (other, line) in lines.enumerated() {
        var line = line
        if other == index { line[line.startIndex + place] ^= UInt8.random(in: 1...127) }
        verifier.take(line)
      }
      #expect(!verifier.finish().isSound)
    }
  }
}
