import AuditLog
import Foundation
import GatewayModel
import Testing

@testable import RecordLog

@Suite struct RecordLogDirectoryTests {
  @Test func oneProcessHasTheFolder() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder)
    let error = #expect(throws: RecordLogError.self) { _ = try Fixture.open(folder) }
    #expect(error?.code == .locked)
    #expect(error?.message.contains(folder.path) == true)
    withExtendedLifetime(directory) {}
  }

  @Test func folderThatCannotBeMade() throws {
    let folder = TestFolder()
    try Data().write(to: URL(fileURLWithPath: folder.path))
    let error = #expect(throws: RecordLogError.self) {
      _ = try RecordLogDirectory(
        configuration: RecordLogConfiguration(folder: "\(folder.path)/log"), agent: Fixture.agent,
        now: Fixture.start)
    }
    #expect(error?.code == .unusable)
    #expect(error?.message.contains("Not a directory") == true)
  }

  @Test func folderOfAnotherAgent() throws {
    let folder = TestFolder()
    try Fixture.open(folder).writer().pair(1)
    let error = #expect(throws: RecordLogError.self) {
      _ = try RecordLogDirectory(
        configuration: RecordLogConfiguration(folder: folder.path),
        agent: AgentID(Identifier128(high: 1, low: 1)), now: Fixture.start)
    }
    #expect(error?.code == .unusable)
    #expect(error?.message.contains("another agent") == true)
  }

  @Test func foreignFilesAreLeftAlone() throws {
    let folder = TestFolder()
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    for name in ["notes.txt", "1-2.log", "x-0-00000000000000000000.log", "1-0-5.log"] {
      try folder.write([1, 2, 3], to: name)
    }
    let directory = try Fixture.open(folder)
    #expect(directory.logs().isEmpty)
    #expect(try folder.bytes("1-2.log") == [1, 2, 3])
  }

  @Test func epochs() throws {
    let folder = TestFolder()
    do {
      let directory = try Fixture.open(folder)
      #expect(directory.epoch == 1_790_000_000, "Unix seconds at the start of an empty folder")
      try directory.writer().pair(1)
    }
    let configuration = RecordLogConfiguration(folder: folder.path)
    do {
      let directory = try RecordLogDirectory(
        configuration: configuration, agent: Fixture.agent, now: Fixture.time(1000))
      #expect(directory.epoch == 1_790_000_000, "goes on")
    }
    let directory = try RecordLogDirectory(
      configuration: configuration, agent: Fixture.agent, minimumEpoch: 1_800_000_000,
      now: Fixture.time(1000))
    #expect(directory.epoch == 1_800_000_000)
    let writer = try directory.writer()
    writer.sync()
    guard case .logOpen(let open) = try directory.reader().all()[0].body else { return }
    #expect(open.previousSize == 3)
    #expect(directory.logs().map(\.epoch) == [1_790_000_000, 1_800_000_000])
    // The log of the old epoch goes when all of it is stored.
    let old = try directory.reader(
      for: LogID(agent: Fixture.agent, epoch: 1_790_000_000, lane: 0))
    #expect(try old.all().count == 3)
  }

  @Test func healthCountsTheBacklog() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder)
    #expect(directory.health.backlogRecords == 0)
    let writer = try directory.writer()
    try writer.pair(1)
    #expect(directory.health.backlogRecords == 3)
    #expect(directory.health.state == .ok)
    #expect(directory.health.problems.isEmpty)
    #expect(directory.health.usedBytes > 4096)
  }
}

@Suite struct LaneReaderTests {
  @Test func batchesKeepTheirLimits() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder)
    let writer = try directory.writer()
    for number in 1...20 { try writer.pair(UInt64(number)) }
    writer.sync()
    let reader = try directory.reader()
    let three = try reader.batch(from: 5, maximumRecords: 3, maximumBytes: .max)
    #expect(three.fromSeq == 5 && three.nextSeq == 8)
    #expect(try three.records.map { try RecordDecoder.decode($0).header.seq } == [5, 6, 7])
    let bytes = try reader.batch(from: 0, maximumRecords: .max, maximumBytes: 500)
    #expect(bytes.byteCount <= 500 && bytes.records.count > 1)
    let single = try reader.batch(from: 8, maximumRecords: .max, maximumBytes: 1)
    #expect(single.records.count == 1, "one record goes whatever its size")
    // Back again, as after an answer that names an older cursor.
    #expect(try reader.batch(from: 2, maximumRecords: 1, maximumBytes: .max).fromSeq == 2)
    #expect(try reader.all().seqs == (0...40).map { $0 })
    #expect(try reader.batch(from: 41, maximumRecords: 1, maximumBytes: 1).isEmpty)
    let error = #expect(throws: RecordLogError.self) {
      _ = try reader.batch(from: 42, maximumRecords: 1, maximumBytes: 1)
    }
    #expect(error?.code == .outOfRange)
  }

  @Test func waitsForTheNextRecord() async throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder)
    let reader: LaneReader
    do {
      let writer = try directory.writer()
      writer.sync()
      reader = try directory.reader()
      let waiting = Task {
        try await reader.nextBatch(from: 1, maximumRecords: 10, maximumBytes: .max)
      }
      while reader.waiterCount == 0 { await Task.yield() }
      try writer.pair(1)
      // The background sync lets it through, nobody asks for it here.
      let batch = try await waiting.value
      #expect(batch.records.count == 2)
    }
    let waiting = Task {
      try await reader.nextBatch(from: 3, maximumRecords: 10, maximumBytes: .max)
    }
    while reader.waiterCount == 0 { await Task.yield() }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { _ = try await waiting.value }
    #expect(reader.waiterCount == 0)
  }

  /// The control plane was restored from a backup and wants what it had acknowledged before.
  @Test func whatIsAskedForAgainIsNotDeleted() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    let directory = try Fixture.open(folder, files: files) {
      $0.segmentBytes = SegmentHeader.byteCount + 2_000
      $0.retainedBytes = 1 << 20
    }
    let writer = try directory.writer()
    for number in 1...100 { try writer.pair(UInt64(number)) }
    writer.sync()
    let reader = try directory.reader()
    try reader.acknowledge(before: 150)
    #expect(reader.firstSeq == 0, "retained")
    try reader.resume(at: 60)
    #expect(reader.backlog == 141)
    // The disk got short meanwhile: nothing but what is stored now may go.
    directory.folder.diskLevel = .warn
    try reader.acknowledge(before: 70)
    #expect(reader.firstSeq <= 70)
    #expect(try reader.batch(from: 70, maximumRecords: 1, maximumBytes: 1).records.count == 1)
    try reader.acknowledge(before: 201)
    #expect(reader.firstSeq > 150)
  }

  @Test func whatNoBackupHasIsKept() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder) {
      $0.segmentBytes = SegmentHeader.byteCount + 2_000
      $0.retainedBytes = 0
    }
    let writer = try directory.writer()
    for number in 1...100 { try writer.pair(UInt64(number)) }
    writer.sync()
    let reader = try directory.reader()
    try reader.acknowledge(before: 201, keepingFrom: 80)
    #expect(reader.firstSeq > 20 && reader.firstSeq <= 80)
    directory.folder.diskLevel = .warn
    try reader.acknowledge(before: 201, keepingFrom: 80)
    #expect(reader.firstSeq <= 80)
    directory.folder.diskLevel = .slow
    try reader.acknowledge(before: 201, keepingFrom: 80)
    #expect(reader.firstSeq > 150, "room for what comes goes before")
  }

  @Test func acknowledgedSegmentsAreDeleted() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder) {
      $0.segmentBytes = 6000
      $0.retainedBytes = 0
    }
    let writer = try directory.writer()
    for number in 1...100 { try writer.pair(UInt64(number)) }
    writer.sync()
    let reader = try directory.reader()
    let before = folder.segments()
    let used = directory.health.usedBytes
    #expect(before.count > 4)
    #expect(reader.backlog == 201)
    // In the middle of a segment: that one stays.
    let second = try #require(SegmentName(before[2])).firstSeq
    try reader.acknowledge(before: second + 1)
    #expect(folder.segments() == Array(before[2...]))
    #expect(reader.firstSeq == second)
    #expect(reader.backlog == 201 - second - 1)
    let error = #expect(throws: RecordLogError.self) {
      _ = try reader.batch(from: second - 1, maximumRecords: 1, maximumBytes: 1)
    }
    #expect(error?.code == .outOfRange)
    try reader.acknowledge(before: 201)
    #expect(folder.segments() == [before[before.count - 1]], "the one that is written stays")
    #expect(reader.backlog == 0)
    // An older answer that comes late changes nothing.
    try reader.acknowledge(before: 3)
    #expect(reader.backlog == 0)
    #expect(directory.health.usedBytes < used / 2)
    try writer.pair(101)
    writer.sync()
    #expect(try reader.all(from: 201).seqs == [201, 202])
    let beyond = #expect(throws: RecordLogError.self) { try reader.acknowledge(before: 500) }
    #expect(beyond?.code == .outOfRange)
  }

  @Test func keepsWhatIsRetained() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder) {
      $0.segmentBytes = 6000
      $0.retainedBytes = 13_000
    }
    let writer = try directory.writer()
    for number in 1...100 { try writer.pair(UInt64(number)) }
    writer.sync()
    let reader = try directory.reader()
    let before = folder.segments()
    try reader.acknowledge(before: 201)
    #expect(folder.segments().count == 3, "two of 6,000 bytes and the one that is written")
    #expect(reader.backlog == 0)
    #expect(
      try reader.batch(from: reader.firstSeq, maximumRecords: 1, maximumBytes: 1).records.count == 1
    )
    #expect(before.count > 4)
  }

  @Test func oldEpochsGoWhenStored() throws {
    let folder = TestFolder()
    try Fixture.open(folder).writer().pair(1)
    let directory = try RecordLogDirectory(
      configuration: RecordLogConfiguration(folder: folder.path, retainedBytes: 0),
      agent: Fixture.agent, minimumEpoch: 1_800_000_000, now: Fixture.start)
    let old = try #require(directory.logs().first)
    let reader = try directory.reader(for: old)
    try reader.acknowledge(before: reader.endSeq)
    #expect(directory.logs().isEmpty)
    #expect(folder.segments().isEmpty)
  }
}

extension LaneReader {
  var waiterCount: Int { lane.withState { $0.waiters.count } }
}
