import AuditLog
import Foundation
import GatewayModel
import TestSupport
import Testing

@testable import RecordLog

@Suite struct FailureTests {
  /// A failed write leaves whole frames only, and the lane takes nothing until it is reopened.
  @Test(arguments: [0, 1, 8, 9, 50, 100, 110, 200])
  func failedWriteStopsTheLane(afterBytes: Int) throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer()
    try writer.pair(1)
    let name = try #require(folder.segments().first)
    let before = try folder.bytes(name)
    files.set { $0.write = (EIO, afterBytes) }
    let error = #expect(throws: RecordLogError.self) { try writer.pair(2) }
    #expect(try folder.bytes(name) == before, "no part that a later start could take for a record")
    #expect(error?.code == .io)
    #expect(!writer.acceptsWork)
    #expect(directory.health.state == .failing)
    files.set { $0.write = nil }
    // The fault is gone, but only `reopen` takes records again.
    #expect(throws: RecordLogError.self) { try writer.pair(3) }
    #expect(writer.append(Fixture.end(3), session: nil, at: Fixture.time(2)) == nil)
    #expect(writer.nextSeq == 3)
    try writer.reopen(at: Fixture.time(5))
    #expect(writer.acceptsWork)
    #expect(directory.health.state == .ok)
    try writer.pair(4)
    writer.sync()
    let records = try directory.reader().all()
    #expect(records.seqs == (0..<UInt64(records.count)).map { $0 })
    #expect(records.begun == [1, 4])
    // The ends of 2, 3 and once more 3: begins were never let through, so nothing is lost of them.
    #expect(
      records.losses == [
        LossRecord(
          reason: "io_error", firstLostSeq: 3, lostAtMost: 3, from: Fixture.start,
          to: Fixture.time(5))
      ])
  }

  /// What the log says of itself when it is opened again is no record that was lost, however often
  /// that fails; and the loss begins with the first record that was.
  @Test func failedReopeningsLoseNothing() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer()
    files.set { $0.write = (EIO, 0) }
    writer.append(Fixture.end(1), session: nil, at: Fixture.time(3))
    #expect(throws: RecordLogError.self) { try writer.commit() }
    for second in 4...8 {
      #expect(throws: RecordLogError.self) { try writer.reopen(at: Fixture.time(Int64(second))) }
    }
    files.set { $0.write = nil }
    try writer.reopen(at: Fixture.time(9))
    writer.sync()
    #expect(
      try directory.reader().all().losses == [
        LossRecord(
          reason: "io_error", firstLostSeq: 1, lostAtMost: 1, from: Fixture.time(3),
          to: Fixture.time(9))
      ])
  }

  /// The same of a lane that could not be opened at all: there is nothing that could be lost.
  @Test func failedOpeningLosesNothing() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    do { try Fixture.open(folder, files: files).writer().pair(1) }
    files.set { $0.write = (EIO, 0) }
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer()
    for _ in 1...3 {
      #expect(throws: RecordLogError.self) { try writer.reopen(at: Fixture.start) }
    }
    #expect(throws: RecordLogError.self) { try writer.close(reason: "end", at: Fixture.start) }
    files.set { $0.write = nil }
    try writer.reopen(at: Fixture.start)
    try writer.close(reason: "end", at: Fixture.start)
    #expect(
      try directory.reader().all().kinds
        == [.logOpen, .statementBegin, .statementEnd, .logOpen, .logClose])
  }

  @Test func failedWriteIsCutOffAtTheNextStartToo() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    do {
      let writer = try Fixture.open(folder, files: files).writer()
      try writer.pair(1)
      files.set {
        $0.write = (EIO, 60)
        $0.truncate = EIO
      }
      #expect(throws: RecordLogError.self) { try writer.pair(2) }
      // Reopening needs the truncation.
      files.set { $0.write = nil }
      #expect(throws: RecordLogError.self) { try writer.reopen(at: Fixture.start) }
      files.set { $0.truncate = nil }
    }
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer()
    try writer.pair(3)
    writer.sync()
    let records = try directory.reader().all()
    #expect(records.begun == [1, 3])
    #expect(records.seqs == (0..<UInt64(records.count)).map { $0 })
  }

  /// After a failed sync nothing is taken, nothing is shown to readers, and reopening writes anew
  /// what the sync covered.
  @Test func failedSyncStopsTheLane() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    let directory = try Fixture.open(folder, files: files) { $0.syncInterval = .seconds(60) }
    let writer = try directory.writer()
    writer.sync()
    let reader = try directory.reader()
    files.set { $0.sync = EIO }
    try writer.pair(1)
    writer.sync()
    #expect(reader.endSeq == 1)
    #expect(directory.health.state == .failing)
    let error = #expect(throws: RecordLogError.self) { try writer.pair(2) }
    #expect(error?.code == .io)
    #expect(throws: RecordLogError.self) { try writer.reopen(at: Fixture.start) }
    files.set { $0.sync = nil }
    let before = files.writes
    try writer.reopen(at: Fixture.time(1))
    #expect(files.writes > before + 1, "the committed bytes are written again")
    try writer.pair(3)
    writer.sync()
    let records = try reader.all()
    #expect(records.begun == [1, 3])
    #expect(records.seqs == (0..<UInt64(records.count)).map { $0 })
  }

  /// A record that is committed while a sync runs is not covered by it.
  @Test func syncCoversWhatWasThereWhenItBegan() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    let directory = try Fixture.open(folder, files: files) { $0.syncInterval = .seconds(60) }
    let writer = try directory.writer()
    try writer.pair(1)
    let lane = writer.lane
    files.set { $0.duringSync = { lane.withState { $0.committedSeq += 5 } } }
    writer.sync()
    #expect(try directory.reader().endSeq == 3)
  }

  @Test func fullDiskTakesWhatEndsFromTheReserve() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    files.set { $0.room = 400_000 }
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer()
    try writer.pair(1)
    // Another program takes what is left.
    files.set { $0.room = 30 }
    try writer.pair(2)
    #expect(!writer.acceptsWork)
    guard case .closing(let error) = writer.standing else {
      Issue.record("standing is \(writer.standing)")
      return
    }
    #expect(error.code == .full)
    #expect(directory.health.state == .failing)
    #expect(directory.diskLevel == .full)
    // A begin is refused, what ends is taken, and the refusal is said at the commit.
    #expect(writer.append(Fixture.begin(3), session: nil, at: Fixture.start) == nil)
    writer.append(
      SessionCloseRecord(reason: "record_log_unavailable", statements: 2),
      session: Fixture.session, at: Fixture.start)
    let refused = #expect(throws: RecordLogError.self) { try writer.commit() }
    #expect(refused?.code == .full)
    #expect(throws: RecordLogError.self) { try writer.reopen(at: Fixture.start) }
    files.set { $0.room = 4_000_000 }
    try writer.reopen(at: Fixture.time(1))
    #expect(writer.acceptsWork)
    try writer.pair(4)
    writer.sync()
    let records = try directory.reader().all()
    #expect(records.begun == [1, 2, 4])
    #expect(records.kinds.filter { $0 == .sessionClose }.count == 1)
    #expect(records.losses.isEmpty)
    #expect(records.seqs == (0..<UInt64(records.count)).map { $0 })
  }

  @Test func fullReserveFailsTheLaneAndRecordsTheLoss() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    files.set { $0.room = 300_000 }
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer()
    files.set { $0.room = 0 }
    var taken: UInt64 = 0
    var refused: UInt64 = 0
    for number in 0..<5000 {
      writer.append(Fixture.end(UInt64(number)), session: Fixture.session, at: Fixture.start)
      do {
        try writer.commit()
        taken += 1
      } catch {
        refused += 1
      }
    }
    #expect(taken > 500, "the reserve of 64 KiB holds them")
    #expect(refused > 0)
    files.set { $0.room = 4_000_000 }
    try writer.reopen(at: Fixture.time(1))
    writer.sync()
    let records = try directory.reader().all()
    #expect(records.kinds.filter { $0 == .statementEnd }.count == Int(taken))
    #expect(records.losses.map(\.lostAtMost) == [refused])
    #expect(records.losses.map(\.reason) == ["disk_full"])
    #expect(records.losses.map(\.firstLostSeq) == [taken + 1])
  }

  @Test func ownLimitIsLikeAFullDisk() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder) {
      $0.maximumBytes = 40_000
      $0.segmentBytes = 8000
      $0.reserveBytes = 8000
      $0.retainedBytes = 0
    }
    let writer = try directory.writer()
    var number: UInt64 = 0
    while writer.acceptsWork, number < 1000 {
      number += 1
      try writer.pair(number)
    }
    #expect(number > 50 && number < 1000)
    #expect(directory.health.state == .failing)
    writer.append(Fixture.end(number), session: nil, at: Fixture.start)
    try writer.commit()
    #expect(throws: RecordLogError.self) { try writer.reopen(at: Fixture.start) }
    // Shipping makes room.
    writer.sync()
    let reader = try directory.reader()
    try reader.acknowledge(before: reader.endSeq)
    try writer.reopen(at: Fixture.start)
    try writer.pair(number + 1)
    writer.sync()
    #expect(try reader.all().begun.last == number + 1)
  }

  /// The same on a file system that is really full.
  @Test func reallyFullDisk() async throws {
    try await SmallFileSystem.with(megabytes: 4) { path in
      let folder = TestFolder(at: path)
      let directory = try Fixture.open(folder) { $0.reserveBytes = 256 * 1024 }
      let writer = try directory.writer()
      let ballast = "\(folder.path)/ballast"
      try Data(count: 3 << 20).write(to: URL(fileURLWithPath: ballast))
      var number: UInt64 = 0
      while writer.acceptsWork, number < 20_000 {
        number += 1
        try writer.pair(number)
      }
      #expect(number > 100 && number < 20_000)
      #expect(directory.health.state == .failing)
      // What has begun still ends.
      writer.append(
        SessionCloseRecord(reason: "record_log_unavailable", statements: number),
        session: Fixture.session, at: Fixture.start)
      try writer.commit()
      #expect(throws: RecordLogError.self) { try writer.reopen(at: Fixture.start) }
      try FileManager.default.removeItem(atPath: ballast)
      try writer.reopen(at: Fixture.start)
      try writer.pair(number + 1)
      writer.sync()
      let records = try directory.reader().all()
      #expect(records.begun == (1...(number + 1)).map { $0 })
      #expect(records.seqs == (0..<UInt64(records.count)).map { $0 })
      #expect(records.losses.isEmpty)
    }
  }

  @Test func startsOnAFullDiskAndLetsNothingIn() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    files.set { $0.room = 10_000 }
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer()
    #expect(!writer.acceptsWork)
    #expect(directory.health.state == .failing)
    files.set { $0.room = 4_000_000 }
    try writer.reopen(at: Fixture.time(1))
    try writer.pair(1)
    writer.sync()
    #expect(
      try directory.reader().all().kinds == [.logOpen, .statementBegin, .statementEnd])
  }

  @Test func diskLevels() {
    func level(_ used: Int64, _ free: Int64, _ maximum: Int64? = nil) -> DiskLevel {
      DiskLevel.of(
        usedBytes: used, freeBytes: free, maximumBytes: maximum, reserveBytes: 1)
    }
    #expect(level(0, 1000) == .ok)
    #expect(level(699, 301) == .ok)
    #expect(level(700, 300) == .warn)
    #expect(level(850, 150) == .slow)
    #expect(level(950, 50) == .noNewSessions)
    #expect(level(1000, 0) == .full)
    #expect(level(10, 3) == .noNewSessions, "less than four reserves")
    #expect(level(700, .max, 1000) == .warn)
    #expect(level(1000, .max, 1000) == .full)
    #expect(level(5, .max) == .ok)
    #expect(level(-5, -5) == .full)
  }
}
