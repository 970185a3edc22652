import AuditLog
import Foundation
import GatewayModel
import Testing

@testable import RecordLog

/// Going on in a new epoch while the agent runs, since the control plane has another history.
@Suite struct NewEpochTests {
  private static let head = LogHead(size: 300, root: MerkleTree.leaf([3]))

  /// A folder as an earlier run left it: 21 records, of which 15 are acknowledged.
  private static func leave(_ folder: TestFolder) throws {
    let directory = try Fixture.open(folder)
    let writer = try directory.writer()
    for number in 1...10 { try writer.pair(UInt64(number)) }
    writer.sync()
  }

  @Test func whatThisRunRecordedComesAgain() throws {
    let folder = TestFolder()
    try Self.leave(folder)
    let directory = try Fixture.open(folder)
    let old = try directory.writer()
    try directory.reader().acknowledge(before: 15)
    old.append(Fixture.begin(11), session: Fixture.session, at: Fixture.time(5))
    old.append(Fixture.end(11), session: Fixture.session, at: Fixture.time(6))
    try old.commit()

    try directory.beginEpoch(after: old.log, citing: Self.head, now: Fixture.time(100))
    #expect(directory.epoch == 1_790_000_100)
    let writer = try directory.writer()
    try directory.move(old.log, to: writer, at: Fixture.time(101))
    try writer.pair(12)
    writer.sync()

    let records = try directory.reader().all()
    #expect(
      records.kinds == [
        .logOpen, .loss, .statementBegin, .statementEnd, .statementBegin, .statementEnd,
      ])
    guard case .logOpen(let open) = records[0].body else { return }
    #expect(open.previousSize == 300)
    #expect(open.previousRoot == Self.head.root?.bytes)
    #expect(!open.continued)
    let loss = try #require(records.losses.first)
    #expect(loss.reason == "restored")
    #expect(loss.lostAtMost == 6, "21 were there, 15 of them acknowledged")
    #expect(loss.from == Fixture.start)
    #expect(loss.to == Fixture.time(101))
    #expect(records.begun == [11, 12])
    #expect(records.seqs == [0, 1, 2, 3, 4, 5])
    #expect(records[2].header.time == Fixture.time(5))
    #expect(records[2].header.session == Fixture.session)
    #expect(directory.logs() == [writer.log], "the old log is gone")
    #expect(folder.segments().allSatisfy { $0.hasPrefix("1790000100-") })
  }

  @Test func theOtherLanesGoOnInTheNewEpochAndKeepTheirLogs() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder)
    let (first, second) = (try directory.writer(), try directory.writer(lane: 1))
    try second.pair(1)
    second.sync()
    // Agreed on up to here; what is behind may be another history too.
    try directory.reader(lane: 1).acknowledge(before: 2)
    let root = try directory.reader(lane: 1).frontier(of: 2).root
    try directory.beginEpoch(after: first.log, citing: Self.head, now: Fixture.time(1))
    // Found a second time, as by the shipper of another lane.
    try directory.beginEpoch(after: second.log, citing: Self.head, now: Fixture.time(500))
    #expect(directory.epoch == first.log.epoch + 1)
    let writer = try directory.writer(lane: 1)
    writer.sync()
    guard case .logOpen(let open) = try directory.reader(lane: 1).all()[0].body else { return }
    #expect(open.previousSize == 2)
    #expect(open.previousRoot == root.bytes)
    // Nothing was said against this one: it is shipped to its end and goes then.
    let reader = try directory.reader(for: second.log)
    #expect(try reader.all().count == 3)
    try reader.acknowledge(before: 3)
    #expect(!directory.logs().contains(second.log) || reader.backlog == 0)
  }

  @Test func whatWasNeverAgreedOnIsNotCited() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder)
    let (first, second) = (try directory.writer(), try directory.writer(lane: 1))
    try second.pair(1)
    try directory.beginEpoch(after: first.log, citing: Self.head, now: Fixture.time(1))
    let writer = try directory.writer(lane: 1)
    writer.sync()
    guard case .logOpen(let open) = try directory.reader(lane: 1).all()[0].body else { return }
    #expect(open.previousSize == 0)
    #expect(open.previousRoot == [])
  }

  /// The disk fails in the middle: nothing comes twice, and nothing is left out.
  @Test func aMoveThatFailsGoesOnWhereItWas() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    let directory = try Fixture.open(folder, files: files)
    let old = try directory.writer()
    // More than two parts.
    for number in 1...1_200 { try old.pair(UInt64(number)) }
    try directory.beginEpoch(after: old.log, citing: Self.head, now: Fixture.time(7))
    let writer = try directory.writer()
    let name = SegmentName(epoch: directory.epoch, lane: 0, firstSeq: 0).text
    let before = files.writes
    for fails in [true, false, true, false] {
      files.set { $0.write = fails ? (EIO, 100) : nil }
      files.set { $0.writeTo = [name] }
      try? directory.move(old.log, to: writer, at: Fixture.time(8))
      files.set { $0.write = nil }
      if case .failed = writer.standing { try writer.reopen(at: Fixture.time(9)) }
    }
    #expect(files.writes > before)
    try directory.move(old.log, to: writer, at: Fixture.time(10))
    writer.sync()
    let records = try directory.reader().all()
    #expect(records.begun == Array(1...1_200))
    #expect(records.seqs == Array(0..<UInt64(records.count)))
  }

  @Test func aRestartStaysInTheNewEpoch() throws {
    let folder = TestFolder()
    let epoch: UInt64
    do {
      let directory = try Fixture.open(folder)
      let old = try directory.writer()
      try old.pair(1)
      try directory.beginEpoch(after: old.log, citing: Self.head, now: Fixture.time(7))
      epoch = directory.epoch
      let writer = try directory.writer()
      try directory.move(old.log, to: writer, at: Fixture.time(7))
      // A second time, as when the answer was lost.
      try directory.move(old.log, to: writer, at: Fixture.time(8))
      #expect(writer.nextSeq == 3)
      writer.sync()
    }
    let directory = try Fixture.open(folder)
    #expect(directory.epoch == epoch)
    #expect(try directory.reader().all().begun == [1])
  }

  /// Killed before anything was moved: the next run moves what this one recorded.
  @Test func whatWasNotMovedComesAfterAKill() throws {
    let folder = TestFolder()
    let old: LogID
    do {
      let directory = try Fixture.open(folder)
      let writer = try directory.writer()
      try writer.pair(1)
      writer.sync()
      old = writer.log
      try directory.beginEpoch(after: old, citing: Self.head, now: Fixture.time(7))
      try directory.writer().sync()
    }
    let directory = try Fixture.open(folder)
    let writer = try directory.writer()
    try directory.beginEpoch(after: old, citing: Self.head, now: Fixture.time(9))
    #expect(directory.epoch == writer.log.epoch, "it is of an earlier epoch already")
    try directory.move(old, to: writer, at: Fixture.time(9))
    writer.sync()
    let records = try directory.reader().all()
    #expect(records.losses.isEmpty)
    #expect(records.begun == [1])
    #expect(!directory.logs().contains(old))
    #expect(folder.moveNotes.isEmpty)
  }

  /// Killed between two parts, or in the middle of a text: nothing is left out, and what was noted
  /// does not come twice.
  @Test(arguments: [1, 2, 3, 5]) func aMoveGoesOnAfterAKill(_ parts: Int) throws {
    let folder = TestFolder()
    try Self.leave(folder)
    let text = [UInt8](repeating: 0x61, count: 700_000)
    let old: LogID
    do {
      let directory = try Fixture.open(folder)
      let writer = try directory.writer()
      old = writer.log
      for number in 11...700 { try writer.pair(UInt64(number)) }
      text.withUnsafeBytes {
        writer.appendText($0, digest: StatementDigest(of: text), at: Fixture.start)
      }
      for number in 701...1_200 { try writer.pair(UInt64(number)) }
      try directory.beginEpoch(after: old, citing: Self.head, now: Fixture.time(7))
      let taker = try directory.writer()
      let move = try #require(try directory.move(old, to: taker.log))
      for _ in 0..<parts {
        try taker.take(try #require(try move.nextPart()), at: Fixture.time(8))
        try move.settle()
      }
    }
    let directory = try Fixture.open(folder)
    let writer = try directory.writer()
    try directory.move(old, to: writer, at: Fixture.time(9))
    writer.sync()
    let records = try directory.reader().all()
    #expect(records.losses.map(\.reason) == ["restored"])
    #expect(records.begun == Array(11...1_200))
    #expect(folder.moveNotes.isEmpty)
    // Behind the last log.open the text is whole, from its beginning, or it was so before.
    var chunks: [UInt32] = []
    var isWhole = false
    for record in records {
      switch record.body {
      case .logOpen: chunks = []
      case .statementText(let chunk):
        chunks.append(chunk.chunk)
        if chunk.isLast { isWhole = chunks == [0, 1, 2] }
      default: break
      }
    }
    #expect(isWhole)
  }

  /// Killed while the segments of a moved log are removed: they go from the last to the first, and
  /// the rest goes later without coming twice.
  @Test(arguments: [0, 1, 3]) func aKillAmongTheRemovals(_ removed: Int) throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    let old: LogID
    do {
      let directory = try Fixture.open(folder, files: files) { $0.segmentBytes = 8_192 }
      let writer = try directory.writer()
      old = writer.log
      for number in 1...200 { try writer.pair(UInt64(number)) }
      let before = folder.segments()
      #expect(before.count > 4)
      try directory.beginEpoch(after: old, citing: Self.head, now: Fixture.time(7))
      let taker = try directory.writer()
      files.set { $0.removals = removed }
      #expect(throws: RecordLogError.self) {
        try directory.move(old, to: taker, at: Fixture.time(8))
      }
      files.set { $0.removals = nil }
      let left = folder.segments().filter { $0.hasPrefix("\(old.epoch)-") }
      #expect(left == Array(before.dropLast(removed)))
    }
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer()
    try directory.move(old, to: writer, at: Fixture.time(9))
    writer.sync()
    let records = try directory.reader().all()
    #expect(records.begun == Array(1...200))
    #expect(records.losses.isEmpty)
    #expect(!directory.logs().contains(old))
    #expect(folder.moveNotes.isEmpty)
  }

  /// Without a note nothing tells what may be there, and a loss is all that can be said.
  @Test func whatRunsBeforeLeftIsALoss() throws {
    let folder = TestFolder()
    let old: LogID
    do {
      let directory = try Fixture.open(folder)
      let writer = try directory.writer()
      try writer.pair(1)
      writer.sync()
      old = writer.log
      try directory.beginEpoch(after: old, citing: Self.head, now: Fixture.time(7))
      try directory.writer().sync()
    }
    for note in folder.moveNotes { try folder.write(Array("0 - 1\n".utf8), to: note) }
    let directory = try Fixture.open(folder)
    let writer = try directory.writer()
    try directory.move(old, to: writer, at: Fixture.time(9))
    writer.sync()
    #expect(try directory.reader().all().losses.map(\.lostAtMost) == [3])
    #expect(!directory.logs().contains(old))
  }
}
