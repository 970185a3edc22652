import AuditLog
import Foundation
import GatewayModel
import Testing

@testable import RecordLog

/// What a reader knows of the Merkle tree of the log, whatever it has read before.
@Suite struct FrontierTests {
  /// 61 records in segments of about twenty.
  private static func filled(_ folder: TestFolder) throws -> RecordLogDirectory {
    let directory = try Fixture.open(folder) {
      $0.segmentBytes = SegmentHeader.byteCount + 2_000
      $0.retainedBytes = 0
    }
    let writer = try directory.writer()
    for number in 1...30 { try writer.pair(UInt64(number)) }
    writer.sync()
    return directory
  }

  private static func leaves(_ reader: LaneReader) throws -> [Hash256] {
    let batch = try reader.batch(from: 0, maximumRecords: .max, maximumBytes: .max)
    return batch.records.map { MerkleTree.leaf(Array($0)) }
  }

  private static func frontier(_ leaves: some Sequence<Hash256>) -> MerkleFrontier {
    var frontier = MerkleFrontier()
    for leaf in leaves { frontier.append(leaf) }
    return frontier
  }

  @Test func everyBatchHasTheFrontierBehindIt() throws {
    let folder = TestFolder()
    let directory = try Self.filled(folder)
    #expect(folder.segments().count > 2)
    let leaves = try Self.leaves(try directory.reader())
    #expect(leaves.count == 61)
    for count in [1, 7, 20, 61] {
      let reader = try directory.reader()
      var next: UInt64 = 0
      while next < 61 {
        let batch = try reader.batch(from: next, maximumRecords: count, maximumBytes: .max)
        #expect(batch.frontier == Self.frontier(leaves.prefix(Int(batch.nextSeq))))
        next = batch.nextSeq
      }
    }
    // From any place, without what was read before.
    for seq in UInt64(0)...61 {
      let reader = try directory.reader()
      #expect(try reader.frontier(of: seq) == Self.frontier(leaves.prefix(Int(seq))))
      let batch = try reader.batch(from: seq, maximumRecords: 3, maximumBytes: .max)
      #expect(batch.frontier == Self.frontier(leaves.prefix(Int(batch.nextSeq))))
    }
  }

  @Test func theFrontierOutlivesTheSegmentsBefore() throws {
    let folder = TestFolder()
    let leaves: [Hash256]
    do {
      let directory = try Self.filled(folder)
      leaves = try Self.leaves(try directory.reader())
      // Acknowledged without having been read in this run, as at a start.
      try directory.reader().acknowledge(before: 55)
      #expect(try directory.reader().firstSeq > 0)
    }
    let directory = try Fixture.open(folder)
    let reader = try directory.reader()
    let first = reader.firstSeq
    #expect(first > 20)
    #expect(try reader.frontier(of: first) == Self.frontier(leaves.prefix(Int(first))))
    #expect(try reader.frontier(of: 61) == Self.frontier(leaves))
    let error = #expect(throws: RecordLogError.self) { _ = try reader.frontier(of: first - 1) }
    #expect(error?.code == .outOfRange)
  }

  @Test func aTornHeaderIsMadeGoodByTheSegmentsBefore() throws {
    let folder = TestFolder()
    let leaves: [Hash256]
    do {
      let directory = try Self.filled(folder)
      leaves = try Self.leaves(try directory.reader())
    }
    let name = try #require(folder.segments().dropFirst().first)
    var bytes = try folder.bytes(name)
    bytes.replaceSubrange(100..<4096, with: repeatElement(7, count: 3996))
    try folder.write(bytes, to: name)
    let directory = try Fixture.open(folder)
    let reader = try directory.reader()
    #expect(try Self.leaves(reader) == leaves)
    #expect(try reader.frontier(of: 61) == Self.frontier(leaves))
    #expect(try SegmentHeader.read(directory.folder, name)?.frontier != nil, "and written anew")
  }

  @Test func aFrontierThatIsNotThatOfTheRecordsIsDamage() throws {
    let folder = TestFolder()
    var header: SegmentHeader
    do {
      let directory = try Self.filled(folder)
      _ = try Self.leaves(try directory.reader())
      header = try #require(try SegmentHeader.read(directory.folder, folder.segments()[1]))
    }
    let other = [Hash256](
      repeating: MerkleTree.leaf([1]), count: header.frontier?.subtrees.count ?? 0)
    header.frontier = MerkleFrontier(size: header.firstSeq, subtrees: other)
    try folder.write(
      header.bytes + folder.bytes(folder.segments()[1]).dropFirst(4096), to: folder.segments()[1])
    let reader = try Fixture.open(folder).reader()
    let error = #expect(throws: RecordLogError.self) {
      _ = try reader.batch(from: 0, maximumRecords: .max, maximumBytes: .max)
    }
    #expect(error?.code == .damaged)
  }

  @Test(arguments: [0, 1, 3, 255, 256, 61])
  func headersKeepAFrontier(count: UInt64) throws {
    let log = LogID(agent: Fixture.agent, epoch: 3, lane: 1)
    let leaves = (0..<count).map { MerkleTree.leaf([UInt8($0 & 255)]) }
    let header = SegmentHeader(log: log, firstSeq: count, frontier: Self.frontier(leaves))
    #expect(header.bytes.count == SegmentHeader.byteCount)
    let read = header.bytes.withUnsafeBytes { SegmentHeader(bytes: $0) }
    #expect(read == header)
    #expect(read?.frontier?.size == count)
  }

  @Test func theFirstRecordOfAnEpochCitesTheOneBefore() throws {
    let folder = TestFolder()
    let leaves: [Hash256]
    do { leaves = try Self.leaves(try Self.filled(folder).reader()) }
    let directory = try RecordLogDirectory(
      configuration: RecordLogConfiguration(folder: folder.path), agent: Fixture.agent,
      minimumEpoch: 1_800_000_000, now: Fixture.time(1000))
    let writer = try directory.writer()
    writer.sync()
    guard case .logOpen(let open) = try directory.reader().all()[0].body else {
      Issue.record("no log.open")
      return
    }
    #expect(open.previousSize == 61)
    #expect(open.previousRoot == Self.frontier(leaves).root.bytes)
  }
}

extension SegmentHeader {
  fileprivate static func read(_ folder: LogFolder, _ name: String) throws -> SegmentHeader? {
    try read(SegmentFile(path: folder.path(name), purpose: .read, files: folder.files))
  }
}
