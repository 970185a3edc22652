import AuditLog
import Foundation
import GatewayModel
import Testing

@testable import RecordLog

@Suite struct RecoveryTests {
  /// A log of some records, its file's name and bytes, and where its frames end.
  private func sample() throws -> (name: String, bytes: [UInt8], ends: [Int]) {
    let folder = TestFolder()
    let writer = try Fixture.open(folder).writer()
    for number in 1...3 { try writer.pair(UInt64(number)) }
    let name = try #require(folder.segments().first)
    let bytes = try folder.bytes(name)
    var ends = [SegmentHeader.byteCount]
    bytes.withUnsafeBytes { raw in
      while let end = ends.last, end < raw.count,
        let header = RecordFrame.header(UnsafeRawBufferPointer(rebasing: raw[end...]))
      {
        ends.append(end + RecordFrame.headerBytes + header.length)
      }
    }
    #expect(ends.count == 8 && ends.last == bytes.count)
    return (name, bytes, ends)
  }

  /// However many bytes of a write were there when the agent was killed: whole records stay, the
  /// torn one goes, numbers go on without a gap, and nothing counts as lost.
  @Test func tornEndAtEveryByte() throws {
    let (name, bytes, ends) = try sample()
    for count in stride(from: 0, through: bytes.count, by: 1)
    where count < 40 || count > SegmentHeader.byteCount - 3 {
      let folder = TestFolder()
      try FileManager.default.createDirectory(
        atPath: folder.path, withIntermediateDirectories: true)
      try folder.write(Array(bytes[..<count]), to: name)
      let directory = try Fixture.open(folder)
      let writer = try directory.writer()
      try writer.pair(9)
      writer.sync()
      let whole = ends.filter { $0 <= count }.count - 1
      let records = try directory.reader().all()
      #expect(records.seqs == (0..<UInt64(max(0, whole) + 3)).map { $0 }, "cut at \(count)")
      #expect(records.begun.last == 9)
      #expect(records.losses.isEmpty)
    }
  }

  /// Rubbish behind the last whole record, as a file system can leave it, is no record.
  @Test(arguments: [0, 1, 2])
  func rubbishBehindTheEnd(seed: UInt64) throws {
    let (name, bytes, _) = try sample()
    var random = SeededRandom(seed: seed)
    for round in 0..<50 {
      let folder = TestFolder()
      try FileManager.default.createDirectory(
        atPath: folder.path, withIntermediateDirectories: true)
      let count = Int.random(in: 1...3000, using: &random)
      let rubbish =
        round == 0
        ? [UInt8](repeating: 0, count: count)
        : (0..<count).map { _ in
          // Many bytes that look like the start of a frame.
          [0, 1, 8, 9, 0xFF, UInt8.random(in: 0...255, using: &random)]
            .randomElement(using: &random)!
        }
      try folder.write(bytes + rubbish, to: name)
      let directory = try Fixture.open(folder)
      #expect(try folder.bytes(name) == bytes, "cut off, so that no later record meets it")
      let writer = try directory.writer()
      #expect(writer.nextSeq == 8)
      writer.sync()
      #expect(try directory.reader().all().count == 8)
    }
  }

  /// A record damaged with sound ones behind it is not a torn end: nothing is cut off, a new epoch
  /// begins, and the loss is recorded with its bounds.
  @Test func damageInTheMiddleBeginsANewEpoch() throws {
    let (name, bytes, ends) = try sample()
    let oldEpoch = try #require(SegmentName(name)).epoch
    for frame in 1..<6 {
      for offset in [0, 4, 8, 9, 20] {
        let folder = TestFolder()
        try FileManager.default.createDirectory(
          atPath: folder.path, withIntermediateDirectories: true)
        var damaged = bytes
        damaged[ends[frame] + offset] ^= 0x40
        try folder.write(damaged, to: name)
        let directory = try Fixture.open(folder)
        #expect(directory.epoch > oldEpoch)
        let writer = try directory.writer()
        try writer.pair(9)
        writer.sync()
        let records = try directory.reader().all()
        #expect(records.kinds == [.logOpen, .loss, .statementBegin, .statementEnd])
        guard case .logOpen(let open) = records[0].body else { return }
        #expect(open.previousSize == UInt64(frame) && !open.continued)
        let loss = try #require(records.losses.first)
        #expect(loss.reason == "damaged" && loss.firstLostSeq == UInt64(frame))
        #expect(loss.lostAtMost >= 7 - UInt64(frame))
        #expect(try folder.bytes(name) == damaged, "evidence is left alone")
        #expect(directory.health.state == .degraded)
        // What stands before the damage can still be shipped; the damaged file stays.
        let old = try directory.reader(
          for: LogID(agent: Fixture.agent, epoch: oldEpoch, lane: 0))
        #expect(try old.all().seqs == (0..<UInt64(frame)).map { $0 })
        try old.acknowledge(before: UInt64(frame))
        #expect(folder.segments().contains(name))
        // The next start goes on with the new epoch and does not record the loss again.
        withExtendedLifetime(directory) {}
      }
    }
  }

  @Test func newEpochIsKept() throws {
    let (name, bytes, ends) = try sample()
    let folder = TestFolder()
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    var damaged = bytes
    damaged[ends[2] + 12] ^= 1
    try folder.write(damaged, to: name)
    let epoch: UInt64
    do {
      let directory = try Fixture.open(folder)
      epoch = directory.epoch
      try directory.writer().pair(1)
    }
    let directory = try Fixture.open(folder)
    #expect(directory.epoch == epoch)
    let writer = try directory.writer()
    writer.sync()
    #expect(try directory.reader().all().losses.count == 1)
  }

  @Test func flippedBitIsNotRead() throws {
    let (name, bytes, ends) = try sample()
    let folder = TestFolder()
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    try folder.write(bytes, to: name)
    let directory = try Fixture.open(folder)
    var damaged = bytes
    damaged[ends[4] + 15] ^= 1
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(folder.path)/\(name)"))
    try handle.write(contentsOf: damaged)
    try handle.close()
    let reader = try directory.reader()
    let error = #expect(throws: RecordLogError.self) { _ = try reader.all() }
    #expect(error?.code == .damaged)
  }

  /// Writes random commits on a folder whose unsynced bytes vanish at a random point: what a reader
  /// was shown before is there afterwards, numbers have no gap, and a loss is recorded.
  @Test(arguments: 0..<40)
  func powerCut(seed: Int) async throws {
    var random = SeededRandom(seed: UInt64(seed))
    let folder = TestFolder()
    let files = FaultyFiles()
    var shown: [Data] = []
    var epoch: UInt64?
    for round in 0..<4 {
      do {
        let directory = try Fixture.open(folder, files: files) {
          $0.segmentBytes = 7000
          $0.syncInterval = .seconds(60)
        }
        if let epoch { #expect(directory.epoch == epoch) }
        epoch = directory.epoch
        let writer = try directory.writer()
        for number in 0..<Int.random(in: 1...80, using: &random) {
          for _ in 0..<Int.random(in: 1...4, using: &random) {
            writer.append(
              Fixture.begin(UInt64(round * 1000 + number)), session: Fixture.session,
              at: Fixture.start)
          }
          try writer.commit()
          if Int.random(in: 0..<6, using: &random) == 0 { writer.sync() }
        }
        let reader = try directory.reader()
        let readable = try reader.batch(
          from: 0, maximumRecords: .max, maximumBytes: .max)
        #expect(Array(readable.records.prefix(shown.count)) == shown)
        shown = readable.records
      }
      try files.cutPower(folder)
    }
    let directory = try Fixture.open(folder, files: files) { $0.segmentBytes = 7000 }
    let writer = try directory.writer()
    writer.sync()
    let batch = try directory.reader().batch(
      from: 0, maximumRecords: .max, maximumBytes: .max)
    #expect(Array(batch.records.prefix(shown.count)) == shown)
    let records = try batch.records.map { try RecordDecoder.decode($0) }
    #expect(records.seqs == (0..<UInt64(records.count)).map { $0 })
    let loss = try #require(records.losses.last)
    #expect(loss.reason == "host_restart")
    #expect(loss.firstLostSeq == UInt64(records.count) - 2, "log.open and loss stand behind it")
    #expect(loss.lostAtMost == 1 << 18)
  }

  @Test func killedAgentLosesNothing() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    for round in 0..<20 {
      let directory = try Fixture.open(folder, files: files) {
        $0.segmentBytes = 7000
        $0.syncInterval = .seconds(60)
      }
      let writer = try directory.writer()
      for number in 0..<(round % 7) { try writer.pair(UInt64(round * 10 + number)) }
    }
    let directory = try Fixture.open(folder, files: files)
    let records = try directory.reader().all()
    let expected = (0..<20).flatMap { round in (0..<(round % 7)).map { UInt64(round * 10 + $0) } }
    #expect(records.begun == expected)
    #expect(records.losses.isEmpty)
  }
}
