import AuditLog
import Foundation
import GatewayModel
import Testing

@testable import RecordLog

/// What the logs of a new epoch cite of the one before, also when the agent is killed before all
/// lanes have theirs.
@Suite struct CitationTests {
  /// What the control plane has of lane 0 and of lane 1.
  private static let first = LogHead(size: 300, root: MerkleTree.leaf([3]))
  private static let second = LogHead(size: 200, root: MerkleTree.leaf([2]))

  private static func cited(_ directory: RecordLogDirectory, lane: UInt32) throws -> LogHead? {
    guard case .logOpen(let open) = try directory.reader(lane: lane).all().first?.body else {
      return nil
    }
    return LogHead(size: open.previousSize, root: Hash256(bytes: open.previousRoot))
  }

  /// Begins an epoch, and is killed when the first lanes have entered it.
  ///
  /// Of lanes 0 and 1 the control plane has another history, of lane 2 the folder's own, and of
  /// lane 3 nothing is known.
  ///
  /// - Returns: What the old logs end with.
  private func killedAmongLanes(
    _ folder: TestFolder, files: any FileAccess = PosixFiles(), entered: Range<UInt32>
  ) throws -> [LogHead] {
    let directory = try Fixture.open(folder, files: files)
    let writers = try (0..<4).map { try directory.writer(lane: $0) }
    for writer in writers {
      for number in 0...UInt64(writer.log.lane) { try writer.pair(number) }
      writer.sync()
    }
    try directory.beginEpoch(
      after: writers[0].log,
      citing: [0: .other(Self.first), 1: .other(Self.second), 2: .agreed],
      now: Fixture.time(100))
    // Lanes write on until they enter the epoch.
    for writer in writers {
      try writer.pair(100)
      writer.sync()
    }
    let heads = try writers.map { writer in
      let reader = try directory.reader(for: writer.log)
      return LogHead(size: reader.endSeq, root: try reader.frontier(of: reader.endSeq).root)
    }
    for lane in entered { try directory.writer(lane: lane).sync() }
    return heads
  }

  @Test(arguments: [0, 1, 2, 4] as [UInt32])
  func everyLaneCitesAfterAKill(_ entered: UInt32) throws {
    let folder = TestFolder()
    let heads = try killedAmongLanes(folder, entered: 0..<entered)
    let directory = try Fixture.open(folder)
    #expect(directory.epoch == 1_790_000_100)
    for lane: UInt32 in 0..<4 { try directory.writer(lane: lane).sync() }
    #expect(try Self.cited(directory, lane: 0) == Self.first)
    #expect(try Self.cited(directory, lane: 1) == Self.second)
    #expect(try Self.cited(directory, lane: 2) == heads[2], "to the end, which came later")
    #expect(try Self.cited(directory, lane: 3) == LogHead(size: 0, root: nil))
  }

  /// The same twice, and a lane that comes back later still cites.
  @Test func aSecondEpochKeepsWhatWasNotCitedYet() throws {
    let folder = TestFolder()
    let heads = try killedAmongLanes(folder, entered: 0..<1)
    do {
      let directory = try Fixture.open(folder)
      let writer = try directory.writer(lane: 0)
      try directory.beginEpoch(
        after: writer.log, citing: Self.second, now: Fixture.time(200))
      try directory.writer(lane: 0).sync()
    }
    let directory = try Fixture.open(folder)
    #expect(directory.epoch == 1_790_000_200)
    for lane: UInt32 in 0..<3 { try directory.writer(lane: lane).sync() }
    #expect(try Self.cited(directory, lane: 0) == Self.second)
    #expect(try Self.cited(directory, lane: 1) == Self.second)
    #expect(try Self.cited(directory, lane: 2) == heads[2])
    let notes = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".epoch") }
    #expect(notes == ["1790000200.epoch"])
  }

  /// The file of a lane's log was made, and then no record of it: it has cited nothing yet.
  @Test func aLogWithoutARecordLeavesItsCitationToTheNext() throws {
    let folder = TestFolder()
    _ = try killedAmongLanes(folder, entered: 0..<1)
    try leaveHeader(folder, lane: 1)
    let directory = try Fixture.open(folder)
    let writer = try directory.writer(lane: 0)
    try directory.beginEpoch(after: writer.log, citing: Self.second, now: Fixture.time(200))
    try directory.writer(lane: 1).sync()
    #expect(try Self.cited(directory, lane: 1) == Self.second)
  }

  /// The same at a start that begins an epoch.
  @Test func aStartKeepsTheCitationOfALogWithoutARecord() throws {
    let folder = TestFolder()
    _ = try killedAmongLanes(folder, entered: 0..<1)
    try leaveHeader(folder, lane: 1)
    let directory = try RecordLogDirectory(
      configuration: RecordLogConfiguration(folder: folder.path, reserveBytes: 64 * 1024),
      agent: Fixture.agent, minimumEpoch: 1_790_000_300, now: Fixture.time(300))
    try directory.writer(lane: 1).sync()
    #expect(try Self.cited(directory, lane: 1) == Self.second)
  }

  /// Leaves the log of a lane in the epoch that ``killedAmongLanes(_:files:entered:)`` began, with
  /// nothing in it.
  private func leaveHeader(_ folder: TestFolder, lane: UInt32) throws {
    let name = SegmentName(epoch: 1_790_000_100, lane: lane, firstSeq: 0)
    let log = LogID(agent: Fixture.agent, epoch: name.epoch, lane: lane)
    try folder.write(SegmentHeader(log: log, firstSeq: 0).bytes, to: name.text)
  }

  /// Nothing of the epoch exists before what it cites is on the medium.
  @Test func thePowerFailsAmongTheLanes() throws {
    let files = FaultyFiles()
    let folder = TestFolder()
    let heads = try killedAmongLanes(folder, files: files, entered: 0..<1)
    try files.cutPower(folder)
    let directory = try Fixture.open(folder, files: files)
    for lane: UInt32 in 0..<4 { try directory.writer(lane: lane).sync() }
    #expect(try Self.cited(directory, lane: 1) == Self.second)
    #expect(try Self.cited(directory, lane: 2) == heads[2])
    for lane: UInt32 in 0..<4 {
      #expect(
        try directory.reader(lane: lane).all().losses.map(\.reason) == ["host_restart"],
        "lane \(lane) had not been closed in order")
    }
  }

  /// Without the note no log of the epoch is made, and the lane goes on where it was.
  @Test func aNoteThatCannotBeWrittenKeepsTheEpochFromBeginning() throws {
    let files = FaultyFiles()
    let folder = TestFolder()
    let directory = try Fixture.open(folder, files: files)
    let old = try directory.writer()
    files.set {
      $0.write = (EIO, 7)
      $0.writeTo = ["1790000100.epoch"]
    }
    #expect(throws: RecordLogError.self) {
      try directory.beginEpoch(after: old.log, citing: Self.first, now: Fixture.time(100))
    }
    let error = #expect(throws: RecordLogError.self) { try directory.writer() }
    #expect(error?.message.contains("1790000100.epoch") == true)
    #expect(folder.segments().count == 1)
    try old.pair(1)
    files.set { $0.write = nil }
    try directory.writer().sync()
    #expect(try Self.cited(directory, lane: 0) == Self.first)
  }

  /// A note that was torn is as if it had not been begun: nothing of its epoch is there.
  @Test func aTornNoteIsNone() throws {
    let folder = TestFolder()
    let epoch: UInt64
    do {
      let directory = try Fixture.open(folder)
      epoch = directory.epoch
      let old = try directory.writer()
      try old.pair(1)
      try directory.beginEpoch(after: old.log, citing: Self.first, now: Fixture.time(100))
    }
    let whole = try folder.bytes("1790000100.epoch")
    for bytes in [[], Array(whole.dropLast(3)), whole.map { $0 == 0x33 ? 0x34 : $0 }] {
      try folder.write(bytes, to: "1790000100.epoch")
      #expect(try Fixture.open(folder).epoch == epoch)
    }
    try folder.write(whole, to: "1790000100.epoch")
    #expect(try Fixture.open(folder).epoch == 1_790_000_100)
  }

  @Test func damageIsCitedInEveryLaneAfterAKill() throws {
    let folder = TestFolder()
    let names: [String]
    do {
      let directory = try Fixture.open(folder)
      for lane: UInt32 in 0..<2 {
        let writer = try directory.writer(lane: lane)
        for number in 1...3 { try writer.pair(UInt64(number)) }
        writer.sync()
      }
      names = folder.segments()
    }
    var bytes = try folder.bytes(names[0])
    bytes[SegmentHeader.byteCount + 300] ^= 0xFF
    try folder.write(bytes, to: names[0])
    do {
      // Killed when lane 0 has its log in the epoch that follows.
      let directory = try Fixture.open(folder)
      try directory.writer(lane: 0).sync()
    }
    let directory = try Fixture.open(folder)
    try directory.writer(lane: 1).sync()
    #expect(try Self.cited(directory, lane: 1)?.size == 7)
  }

  // MARK: The text

  @Test func notesAreReadAsTheyWereWritten() {
    let note = EpochNote(
      epoch: .max,
      citations: [
        0: Citation(head: LogHead(size: .max, root: MerkleTree.leaf([1]))),
        7: Citation(head: LogHead(size: 0, root: nil)),
        .max: Citation(head: LogHead(size: 12, root: MerkleTree.leaf([2])), wholeOf: 5),
      ])
    #expect(EpochNote(text: note.text) == note)
    #expect(EpochNote(text: EpochNote(epoch: 1, citations: [:]).text)?.epoch == 1)
    for index in note.text.indices where note.text[index] != "\n" {
      var text = note.text
      text.replaceSubrange(index...index, with: text[index] == "1" ? "2" : "1")
      #expect(EpochNote(text: text) == nil)
    }
    for text in ["", "\n", "end 0\n", "epoch 1\n", "\n\n\n"] {
      #expect(EpochNote(text: text) == nil)
    }
  }

  // MARK: Shipping

  /// Until the control plane has the citation, only times would speak for what it cites.
  @Test func whatIsCitedComesBehindItsCitation() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder)
    let (first, second) = (try directory.writer(), try directory.writer(lane: 1))
    try second.pair(1)
    second.sync()
    #expect(directory.mayShip(second.log))
    try directory.beginEpoch(
      after: first.log, citing: [0: .other(Self.first), 1: .agreed], now: Fixture.time(1))
    let writer = try directory.writer(lane: 1)
    writer.sync()
    #expect(directory.mayShip(writer.log))
    #expect(!directory.mayShip(second.log))
    try directory.reader(lane: 1).acknowledge(before: 1)
    #expect(directory.mayShip(second.log))
  }

  /// Nothing can be written until something is shipped.
  @Test func aLogWithoutARecordIsNotWaitedFor() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder)
    let (first, second) = (try directory.writer(), try directory.writer(lane: 1))
    try second.pair(1)
    second.sync()
    try directory.beginEpoch(after: first.log, citing: Self.first, now: Fixture.time(1))
    #expect(directory.mayShip(second.log))
  }
}
