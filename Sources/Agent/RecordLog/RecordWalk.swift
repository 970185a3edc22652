import AuditLog
import GatewayModel

/// Goes through the records of a log from segment to segment, and hashes each.
///
/// Where it passes from one segment to the next it leaves the frontier in the header of that one,
/// so that a later walk can begin there, also when the segments before are gone.
struct RecordWalk: ~Copyable {
  /// A place between two records.
  struct Position {
    /// The first seq of the segment.
    var segment: UInt64
    var file: SegmentFile
    var offset: Int64
    /// Of all records before; its size is the seq of the next one.
    var frontier: MerkleFrontier
  }

  enum Step: Equatable {
    case taken
    /// `body` wanted no more; the record is the next one still.
    case left
    /// There is no further record in the segments.
    case end
  }

  private let log: LogID
  private let segments: [Segment]
  private let files: any FileAccess
  private var index: Int
  private var cursor: FrameCursor
  private(set) var position: Position

  var seq: UInt64 { position.frontier.size }

  /// - Parameter position: In one of `segments`.
  init?(
    _ log: LogID, through segments: [Segment], files: any FileAccess, from position: Position
  ) {
    guard let index = segments.lastIndex(where: { $0.firstSeq == position.segment }) else {
      return nil
    }
    self.log = log
    self.segments = segments
    self.files = files
    self.index = index
    self.position = position
    cursor = FrameCursor(
      file: position.file, from: position.offset, limit: segments[index].committedOffset)
  }

  /// The nearest place at or before `seq` whose frontier is known; `nil` when there is none.
  static func start(
    before seq: UInt64, in segments: [Segment], log: LogID, files: any FileAccess
  ) throws(FileFailure) -> Position? {
    for segment in segments.reversed() where segment.firstSeq <= seq {
      let file = try SegmentFile(path: segment.path, purpose: .readWrite, files: files)
      let frontier =
        segment.firstSeq == 0
        ? MerkleFrontier() : try header(of: file, log: log, segment: segment)?.frontier
      guard let frontier else { continue }
      return Position(
        segment: segment.firstSeq, file: file, offset: Int64(SegmentHeader.byteCount),
        frontier: frontier)
    }
    return nil
  }

  /// Reads the next record, gives its bytes to `body` and hashes them when that took them.
  mutating func next(
    _ body: (UnsafeRawBufferPointer) -> Bool
  ) throws(FileFailure) -> Step {
    let expected = seq
    while true {
      var isTaken = false
      var found: UInt64?
      var leaf: Hash256?
      let step = try cursor.next { payload in
        found = RecordDecoder.seq(of: payload)
        guard found == expected else { return }
        isTaken = body(payload)
        if isTaken { leaf = MerkleTree.leaf(payload) }
      }
      switch step {
      case .bad: throw .damaged(segments[index].path)
      case .end:
        guard try enterNextSegment() else { return .end }
      case .frame:
        guard found == expected else { throw .damaged(segments[index].path) }
        guard isTaken, let leaf else { return .left }
        position.frontier.append(leaf)
        position.offset = cursor.offset
        return .taken
      }
    }
  }

  /// Enters the segment that begins with the next record, where there is one.
  mutating func enterSegmentAtItsBeginning() throws(FileFailure) {
    guard index + 1 < segments.count, segments[index + 1].firstSeq == seq else { return }
    _ = try enterNextSegment()
  }

  private mutating func enterNextSegment() throws(FileFailure) -> Bool {
    guard index + 1 < segments.count else { return false }
    let segment = segments[index + 1]
    guard segment.firstSeq == seq else { throw .damaged(segment.path) }
    let file = try SegmentFile(path: segment.path, purpose: .readWrite, files: files)
    if let known = try Self.header(of: file, log: log, segment: segment)?.frontier {
      guard known == position.frontier else { throw .damaged(segment.path) }
    } else {
      // Before anything of the segment is acknowledged: from then on the ones before can go, and
      // with them what the frontier could be made from again.
      let header = SegmentHeader(log: log, firstSeq: seq, frontier: position.frontier)
      try file.write(header.bytes, at: 0)
      try file.synchronize()
    }
    index += 1
    position = Position(
      segment: segment.firstSeq, file: file, offset: Int64(SegmentHeader.byteCount),
      frontier: position.frontier)
    cursor = FrameCursor(file: file, from: position.offset, limit: segment.committedOffset)
    return true
  }

  /// The header of a segment; `nil` when it is torn, which its name makes good.
  private static func header(
    of file: SegmentFile, log: LogID, segment: Segment
  ) throws(FileFailure) -> SegmentHeader? {
    guard let header = try SegmentHeader.read(file) else { return nil }
    guard header.log == log, header.firstSeq == segment.firstSeq else {
      throw .damaged(segment.path)
    }
    return header
  }
}

extension SegmentHeader {
  /// Reads the header of a file; `nil` when there is not a whole one.
  static func read(_ file: SegmentFile) throws(FileFailure) -> SegmentHeader? {
    var buffer = [UInt8](repeating: 0, count: byteCount)
    let count = try file.read(into: &buffer, count: buffer.count, at: 0)
    return buffer.withUnsafeBytes {
      SegmentHeader(bytes: UnsafeRawBufferPointer(rebasing: $0.prefix(count)))
    }
  }
}
