import AuditLog
import Foundation
import GatewayModel
import Testing

@testable import RecordLog

/// A lane that an agent was killed with and that the next one has not gets its end all the same.
@Suite struct UnusedLaneTests {
  /// A folder whose lanes have a pair of records each and no `log.close`.
  private func killedFolder(_ files: FaultyFiles, lanes: UInt32 = 3) throws -> TestFolder {
    let folder = TestFolder()
    let directory = try Fixture.open(folder, files: files)
    for lane in 0..<lanes { try directory.writer(lane: lane).pair(UInt64(lane)) }
    return folder
  }

  private func closeUnused(_ directory: RecordLogDirectory) throws {
    try directory.closeUnusedLanes(identity: Fixture.identity, at: Fixture.time(1))
  }

  private static let ended: [RecordKind] = [
    .logOpen, .statementBegin, .statementEnd, .logOpen, .logClose,
  ]

  @Test func fewerLanesThanBefore() throws {
    let files = FaultyFiles()
    let folder = try killedFolder(files)
    do {
      let directory = try Fixture.open(folder, files: files)
      let writer = try directory.writer(lane: 0)
      try closeUnused(directory)
      #expect(try directory.reader(lane: 0).all().kinds.last == .logOpen, "it is in use")
      try writer.close(reason: "shutdown", at: Fixture.time(2))
      directory.close()
      for lane: UInt32 in 0..<3 {
        let records = try directory.reader(lane: lane).all()
        #expect(records.kinds == Self.ended, "lane \(lane)")
        #expect(records.seqs == [0, 1, 2, 3, 4], "lane \(lane)")
      }
      let end = try directory.reader(lane: 2).all().suffix(2).map(\.body)
      guard case .logOpen(let open) = end.first, case .logClose(let close) = end.last else {
        Issue.record("the lane ends with \(end)")
        return
      }
      #expect(open.continued && open.log.lane == 2)
      #expect(close.reason == "lane_unused")
      #expect(directory.health.state == .ok)
    }
    #expect(!folder.has("running"), "all lanes are closed in order")
    // What is ended is not ended once more, neither by a second call nor by the next run.
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer(lane: 0)
    try closeUnused(directory)
    try closeUnused(directory)
    #expect(try directory.reader(lane: 1).endSeq == 5)
    #expect(try directory.reader(lane: 2).endSeq == 5)
    withExtendedLifetime(writer) {}
  }

  /// The last segment can be empty: then nothing says that the lane was ended.
  @Test func killedBehindTheFirstBytesOfASegment() throws {
    let files = FaultyFiles()
    let folder = try killedFolder(files, lanes: 2)
    do {
      let directory = try Fixture.open(folder, files: files)
      let log = LogID(agent: Fixture.agent, epoch: directory.epoch, lane: 1)
      _ = try LaneWriter.makeSegment(log: log, firstSeq: 3, folder: directory.folder)
      // A lane of which nothing was ever recorded has nothing to end.
      let empty = LogID(agent: Fixture.agent, epoch: directory.epoch, lane: 2)
      _ = try LaneWriter.makeSegment(log: empty, firstSeq: 0, folder: directory.folder)
    }
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer(lane: 0)
    try closeUnused(directory)
    #expect(try directory.reader(lane: 1).all().kinds == Self.ended)
    #expect(try directory.reader(lane: 2).all().isEmpty)
    withExtendedLifetime(writer) {}
  }

  @Test func oneFailingLaneDoesNotKeepTheOthers() throws {
    let files = FaultyFiles()
    let folder = try killedFolder(files)
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer(lane: 0)
    let failing = SegmentName(epoch: directory.epoch, lane: 1, firstSeq: 0).text
    files.set {
      $0.write = (EIO, 0)
      $0.writeTo = [failing]
    }
    for _ in 1...3 {
      let error = #expect(throws: RecordLogError.self) { try closeUnused(directory) }
      #expect(error?.message.contains(folder.path) == true)
      #expect(try directory.reader(lane: 2).all().kinds == Self.ended)
      #expect(try directory.reader(lane: 1).endSeq == 3)
    }
    #expect(directory.health.state == .failing)
    directory.close()
    #expect(folder.has("running"), "a lane is not closed in order")
    files.set { $0.write = nil }
    try closeUnused(directory)
    #expect(directory.health.state == .ok)
    #expect(try directory.reader(lane: 1).all().kinds == Self.ended, "and nothing counts as lost")
    withExtendedLifetime(writer) {}
  }

  /// The last of the room is for what has begun in the lanes in use.
  @Test func onAFullDiskLanesInUseComeFirst() throws {
    let files = FaultyFiles()
    let folder = try killedFolder(files)
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer(lane: 0)
    files.set { $0.room = 0 }
    let writes = files.writes
    let error = #expect(throws: RecordLogError.self) { try closeUnused(directory) }
    #expect(error?.code == .full)
    #expect(files.writes == writes)
    files.set { $0.room = 4_000_000 }
    try closeUnused(directory)
    for lane: UInt32 in 1...2 {
      #expect(try directory.reader(lane: lane).all().kinds == Self.ended)
    }
    withExtendedLifetime(writer) {}
  }

  // MARK: A host restart

  @Test func hostRestartTakesNothingFromAClosedLane() throws {
    let files = FaultyFiles()
    let folder = TestFolder()
    do {
      let directory = try Fixture.open(folder, files: files)
      let writers = try [UInt32(0), 1].map { try directory.writer(lane: $0) }
      for writer in writers { try writer.pair(1) }
      try writers[1].close(reason: "shutdown", at: Fixture.time(1))
    }
    files.set { $0.boot = "boot-2" }
    let directory = try Fixture.open(folder, files: files)
    for writer in try [UInt32(0), 1].map({ try directory.writer(lane: $0) }) { writer.sync() }
    #expect(try directory.reader(lane: 0).all().losses.map(\.reason) == ["host_restart"])
    #expect(try directory.reader(lane: 1).all().losses.isEmpty)
  }

  /// What the medium has of a lane ends with `log.close` only if nothing was let through since.
  @Test func powerCutOfALaneThatWasOpenedAgain() throws {
    let files = FaultyFiles()
    let folder = TestFolder()
    for round in 1...2 {
      let directory = try Fixture.open(folder, files: files) { $0.syncInterval = .seconds(60) }
      let writer = try directory.writer()
      try writer.pair(UInt64(round))
      if round == 1 { try writer.close(reason: "shutdown", at: Fixture.time(1)) }
    }
    try files.cutPower(folder)
    let directory = try Fixture.open(folder, files: files)
    try directory.writer().sync()
    let records = try directory.reader().all()
    #expect(records.begun == [1], "the second had not reached the medium")
    #expect(records.losses.map(\.reason) == ["host_restart"])
  }
}
