import AuditLog
import Foundation
import GatewayModel
import Testing

@testable import RecordLog

/// A loss is recorded in the lane's own log, whatever lanes the next run has and however often the
/// agent is killed before.
@Suite struct DueLossTests {
  /// A folder whose lanes 0 and 1 have a damaged record each.
  private func damagedFolder(_ files: FaultyFiles) throws -> TestFolder {
    let folder = TestFolder()
    do {
      let directory = try Fixture.open(folder, files: files)
      for lane in [UInt32(0), 1] {
        let writer = try directory.writer(lane: lane)
        for number in 1...4 { try writer.pair(UInt64(number)) }
      }
    }
    for name in folder.segments() {
      var bytes = try folder.bytes(name)
      bytes[SegmentHeader.byteCount + 20] ^= 1
      try folder.write(bytes, to: name)
    }
    return folder
  }

  private func losses(_ directory: RecordLogDirectory, lane: UInt32) throws -> [LossRecord] {
    let log = LogID(agent: Fixture.agent, epoch: directory.epoch, lane: lane)
    guard directory.logs().contains(log) else { return [] }
    return try directory.reader(lane: lane).all().losses
  }

  @Test func laneThatIsUsedNoMore() throws {
    let files = FaultyFiles()
    let folder = try damagedFolder(files)
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer(lane: 0)
    try directory.closeUnusedLanes(identity: Fixture.identity, at: Fixture.time(1))
    writer.sync()
    #expect(try losses(directory, lane: 0).map(\.reason) == ["damaged"])
    #expect(try losses(directory, lane: 1).map(\.reason) == ["damaged"])
    #expect(try directory.reader(lane: 1).all().kinds == [.logOpen, .loss, .logClose])
    withExtendedLifetime(folder) {}
  }

  @Test func agentKilledBetweenTwoLanes() throws {
    let files = FaultyFiles()
    let folder = try damagedFolder(files)
    do {
      let directory = try Fixture.open(folder, files: files)
      try directory.writer(lane: 0).pair(1)
      // Killed when the file of the next lane was made and nothing written to it.
      let log = LogID(agent: Fixture.agent, epoch: directory.epoch, lane: 1)
      _ = try LaneWriter.makeSegment(log: log, firstSeq: 0, folder: directory.folder)
    }
    for round in 1...2 {
      let directory = try Fixture.open(folder, files: files)
      let writers = try [UInt32(0), 1].map { try directory.writer(lane: $0) }
      for writer in writers { writer.sync() }
      let kinds = try directory.reader(lane: 0).all().kinds
      #expect(kinds.filter { $0 == .loss }.count == 1, "round \(round): \(kinds)")
      #expect(try losses(directory, lane: 1).count == 1, "round \(round)")
    }
  }

  @Test func hostRestartIsNotForgottenByAKilledAgent() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    do { try Fixture.open(folder, files: files).writer().pair(1) }
    files.set { $0.boot = "boot-2" }
    // Killed before the lane had its writer.
    do { _ = try Fixture.open(folder, files: files) }
    do {
      let directory = try Fixture.open(folder, files: files)
      let writer = try directory.writer()
      writer.sync()
      #expect(try losses(directory, lane: 0).map(\.reason) == ["host_restart"])
    }
    let directory = try Fixture.open(folder, files: files)
    try directory.writer().sync()
    #expect(try losses(directory, lane: 0).count == 1, "once it is recorded it is not said again")
  }

  @Test func hostRestartIsRecordedWhenTheDiskHasRoomAgain() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    do { try Fixture.open(folder, files: files).writer().pair(1) }
    files.set {
      $0.boot = "boot-2"
      $0.write = (EIO, 0)
    }
    do {
      let writer = try Fixture.open(folder, files: files).writer()
      guard case .failed = writer.standing else {
        Issue.record("standing is \(writer.standing)")
        return
      }
    }
    files.set { $0.write = nil }
    let directory = try Fixture.open(folder, files: files)
    try directory.writer().sync()
    #expect(try losses(directory, lane: 0).map(\.reason) == ["host_restart"])
  }

  /// The kernel tells of a failed write to one sync only: another that runs beside it must not take
  /// its own success for the records' safety.
  @Test func failedSyncBesideAnother() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    let directory = try Fixture.open(folder, files: files) { $0.syncInterval = .seconds(60) }
    let writer = try directory.writer()
    try writer.pair(1)
    let lane = writer.lane
    let second = DispatchSemaphore(value: 0)
    files.set {
      $0.sync = EIO
      $0.duringSync = {
        files.set {
          $0.sync = nil
          $0.duringSync = nil
        }
        Thread {
          lane.synchronize()
          second.signal()
        }.start()
        _ = second.wait(timeout: .now() + 0.3)
      }
    }
    writer.sync()
    #expect(try directory.reader().endSeq == 1, "the log.open alone")
    #expect(throws: RecordLogError.self) { try writer.pair(2) }
  }
}
