import AuditLog
import GatewayModel
import Testing

@testable import RecordLog

@Suite struct LaneWriterTests {
  @Test func numbersRecordsFromZeroAndGoesOnAfterARestart() throws {
    let folder = TestFolder()
    do {
      let directory = try Fixture.open(folder)
      let writer = try directory.writer()
      #expect(writer.nextSeq == 1)
      #expect(writer.append(Fixture.begin(1), session: Fixture.session, at: Fixture.start) == 1)
      #expect(writer.append(Fixture.end(1), session: Fixture.session, at: Fixture.start) == 2)
      #expect(writer.hasPending)
      try writer.commit()
      #expect(!writer.hasPending)
      // No close: as if the process had been killed.
    }
    let directory = try Fixture.open(folder)
    let writer = try directory.writer()
    try writer.pair(2)
    writer.sync()
    let records = try directory.reader().all()
    #expect(records.seqs == [0, 1, 2, 3, 4, 5])
    #expect(
      records.kinds == [
        .logOpen, .statementBegin, .statementEnd, .logOpen, .statementBegin, .statementEnd,
      ])
    #expect(records.losses.isEmpty)
    let opened = records.compactMap { record -> Bool? in
      if case .logOpen(let open) = record.body { open.continued } else { nil }
    }
    #expect(opened == [false, true])
    #expect(records[1].header.session == Fixture.session)
    #expect(records[0].header.session == nil)
  }

  @Test func writesOnceForEachCommit() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    let writer = try Fixture.open(folder, files: files).writer()
    let before = files.writes
    for number in 1...50 {
      writer.append(Fixture.begin(UInt64(number)), session: Fixture.session, at: Fixture.start)
    }
    #expect(files.writes == before)
    try writer.commit()
    #expect(files.writes == before + 1)
    try writer.commit()
    #expect(files.writes == before + 1, "nothing to write")
  }

  @Test func whatIsNotCommittedIsNotInTheLog() throws {
    let folder = TestFolder()
    do {
      let writer = try Fixture.open(folder).writer()
      try writer.pair(1)
      writer.append(Fixture.begin(2), session: Fixture.session, at: Fixture.start)
    }
    let directory = try Fixture.open(folder)
    #expect(try directory.reader().all().begun == [1])
  }

  @Test func goesOnWhereTheSystemTookAPart() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer()
    files.set { $0.largestWrite = 7 }
    try writer.pair(1)
    files.set { $0.largestWrite = nil }
    try writer.pair(2)
    writer.sync()
    #expect(try directory.reader().all().seqs == [0, 1, 2, 3, 4])
  }

  @Test func beginsANewSegmentAtItsSize() throws {
    let folder = TestFolder()
    do {
      let directory = try Fixture.open(folder) { $0.segmentBytes = 6000 }
      let writer = try directory.writer()
      for number in 1...60 { try writer.pair(UInt64(number)) }
      writer.sync()
      #expect(folder.segments().count >= 3)
      #expect(try directory.reader().all().seqs == (0...120).map { $0 })
    }
    let directory = try Fixture.open(folder) { $0.segmentBytes = 6000 }
    let writer = try directory.writer()
    try writer.pair(61)
    writer.sync()
    #expect(try directory.reader().all().seqs == (0...123).map { $0 })
    #expect(try directory.reader().all(from: 100).seqs == (100...123).map { $0 })
  }

  @Test func lanesHaveTheirOwnLogs() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder)
    let first = try directory.writer(lane: 0)
    let second = try directory.writer(lane: 3)
    try first.pair(1)
    try second.pair(10)
    try second.pair(11)
    first.sync()
    second.sync()
    #expect(directory.logs().map(\.lane) == [0, 3])
    #expect(try directory.reader(lane: 0).all().begun == [1])
    #expect(try directory.reader(lane: 3).all().begun == [10, 11])
    let error = #expect(throws: RecordLogError.self) { _ = try directory.writer(lane: 3) }
    #expect(error?.code == .locked)
  }

  @Test func closesInOrder() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    do {
      let directory = try Fixture.open(folder, files: files)
      let writer = try directory.writer()
      try writer.pair(1)
      try writer.close(reason: "shutdown", at: Fixture.time(1))
      #expect(throws: RecordLogError.self) { try writer.pair(2) }
      let records = try directory.reader().all()
      #expect(records.kinds.last == .logClose, "a closed log is on the medium")
      directory.close()
    }
    files.set { $0.boot = "boot-2" }
    let writer = try Fixture.open(folder, files: files).writer()
    #expect(
      writer.nextSeq == 5, "log.open alone: a host restart after an orderly end loses nothing")
  }

  @Test func takesNoRecordBeyondTheFrame() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder)
    let writer = try directory.writer()
    var begin = Fixture.begin(1)
    begin.parameters = [
      BoundParameter(
        typeOID: 17,
        value: .binary([UInt8](repeating: 1, count: RecordFrame.maximumPayloadBytes + 1)))
    ]
    #expect(writer.append(begin, session: nil, at: Fixture.start) == nil)
    writer.append(Fixture.end(9), session: nil, at: Fixture.start)
    let error = #expect(throws: RecordLogError.self) { try writer.commit() }
    #expect(error?.code == .tooLarge)
    try writer.pair(2)
    writer.sync()
    #expect(try directory.reader().all().begun == [2])
    #expect(try directory.reader().all().seqs == [0, 1, 2, 3])
  }
}

@Suite struct StatementTextWritingTests {
  private func append(_ text: [UInt8], to writer: LaneWriter) {
    text.withUnsafeBytes {
      writer.appendText($0, digest: StatementDigest(of: text), at: Fixture.start)
    }
  }

  private func texts(_ reader: LaneReader) throws -> [StatementTextRecord] {
    try reader.all().compactMap {
      if case .statementText(let text) = $0.body { text } else { nil }
    }
  }

  @Test func writesATextOnce() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder)
    let writer = try directory.writer()
    for _ in 0..<3 {
      append(Array("select 1".utf8), to: writer)
      append(Array("select 2".utf8), to: writer)
      try writer.commit()
    }
    append([], to: writer)
    try writer.commit()
    writer.sync()
    #expect(
      try texts(directory.reader()).map { String(decoding: $0.text, as: UTF8.self) }
        == ["select 1", "select 2", ""])
  }

  /// A text of several chunks is written as it is cut; when a later one fails, the text is not
  /// taken for written.
  @Test func writesALongTextAgainAfterAFailureInItsMiddle() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer()
    let text = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &>> 3) }
    files.set { $0.room = 2_500_000 }
    append(text, to: writer)
    #expect(throws: RecordLogError.self) { try writer.commit() }
    files.set { $0.room = nil }
    try writer.reopen(at: Fixture.time(1))
    append(text, to: writer)
    try writer.pair(1)
    append(text, to: writer)
    try writer.commit()
    writer.sync()
    let chunks = try texts(directory.reader())
    let again = try #require(chunks.lastIndex { $0.chunk == 0 })
    #expect(again > 0, "a part was written before the failure")
    // As one truth value: a failed comparison of long arrays would describe them both.
    let isWhole = chunks[again...].flatMap(\.text) == text
    #expect(isWhole)
  }

  @Test func writesALongTextWhole() throws {
    let folder = TestFolder()
    let directory = try Fixture.open(folder) { $0.segmentBytes = 1 << 20 }
    let writer = try directory.writer()
    let text = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &>> 3) }
    append(text, to: writer)
    try writer.pair(1)
    writer.sync()
    let chunks = try texts(directory.reader())
    #expect(chunks.flatMap(\.text) == text)
    #expect(chunks.last?.isLast == true)
    #expect(chunks.allSatisfy { $0.text.count <= StatementTextRecord.maximumChunkBytes })
    #expect(writer.pending.bytes.capacity <= 8 << 20, "memory is given back")
  }

  @Test func writesATextAgainAfterAFailedCommit() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    let directory = try Fixture.open(folder, files: files)
    let writer = try directory.writer()
    files.set { $0.write = (5, 20) }
    append(Array("select 1".utf8), to: writer)
    #expect(throws: RecordLogError.self) { try writer.commit() }
    files.set { $0.write = nil }
    try writer.reopen(at: Fixture.time(1))
    append(Array("select 1".utf8), to: writer)
    try writer.commit()
    writer.sync()
    #expect(try texts(directory.reader()).count == 1)
  }

  @Test func forgetsTheOldestDigests() {
    var texts = WrittenTexts(capacity: 10)
    let digests = (0..<100).map { StatementDigest(of: [UInt8($0)]) }
    for digest in digests {
      let before = texts.contains(digest)
      texts.insert(digest)
      texts.committed()
      let after = texts.contains(digest)
      let first = texts.contains(digests[0])
      #expect(!before && after)
      #expect(first, "what is asked for stays")
      #expect(texts.count <= 20)
    }
    let old = texts.contains(digests[50])
    #expect(!old)
  }
}
