import AuditLog
import GatewayModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension LaneState {
  /// Reads from `seq` on what there is before `end`, and says where that ends.
  ///
  /// - Parameters:
  ///   - known: As for ``walk(to:near:)``.
  ///   - maximumBytes: Exceeded by a single record that is larger.
  func read(
    from seq: UInt64, before end: UInt64, maximumRecords: Int, maximumBytes: Int,
    near known: RecordWalk.Position?
  ) throws(FileFailure) -> (records: [Data], position: RecordWalk.Position) {
    var walk = try walk(to: seq, near: known)
    var records: [Data] = []
    var bytes = 0
    while walk.seq < end, records.count < maximumRecords {
      let step = try walk.next { payload in
        guard records.isEmpty || bytes + payload.count <= maximumBytes else { return false }
        records.append(Data(payload))
        bytes += payload.count
        return true
      }
      if step == .left { break }
      guard step == .taken else { throw .damaged(walk.position.file.path) }
    }
    return (records, walk.position)
  }

  /// A walk through what is committed, with `seq` as its next record.
  ///
  /// - Parameter known: A place from which to go on when it lies before `seq`; spares hashing from
  ///   the beginning of the segment.
  func walk(
    to seq: UInt64, near known: RecordWalk.Position? = nil
  ) throws(FileFailure) -> RecordWalk {
    let (segments, committed) = withState { ($0.segments, $0.committedSeq) }
    guard let first = segments.first, seq >= first.firstSeq, seq <= committed else {
      throw .outOfRange(folder.configuration.folder)
    }
    if let known, known.frontier.size <= seq,
      !segments.contains(where: { $0.firstSeq > known.segment && $0.firstSeq <= seq }),
      let walk = RecordWalk(log, through: segments, files: folder.files, from: known)
    {
      return try advanced(walk, to: seq)
    }
    guard
      let start = try RecordWalk.start(before: seq, in: segments, log: log, files: folder.files),
      let walk = RecordWalk(log, through: segments, files: folder.files, from: start)
    else { throw .damaged(first.path) }
    return try advanced(walk, to: seq)
  }

  private func advanced(
    _ walk: consuming RecordWalk, to seq: UInt64
  ) throws(FileFailure) -> RecordWalk {
    while walk.seq < seq {
      guard try walk.next({ _ in true }) == .taken else {
        throw .damaged(walk.position.file.path)
      }
    }
    try walk.enterSegmentAtItsBeginning()
    return walk
  }

  /// Lets the segment that begins with `seq` have its frontier, before those in front of it go.
  func keepFrontier(before seq: UInt64) throws(RecordLogError) {
    do throws(FileFailure) { _ = try walk(to: seq) } catch { throw readingFailed(error, at: seq) }
  }

  /// What a failed walk means to who reads the log.
  func readingFailed(_ failure: FileFailure, at seq: UInt64) -> RecordLogError {
    if failure.isOutOfRange {
      let (first, committed) = withState {
        ($0.segments.first?.firstSeq ?? $0.committedSeq, $0.committedSeq)
      }
      return RecordLogError(
        code: .outOfRange,
        message: "cannot read seq \(seq) of log \(log): the folder has \(first) to \(committed), "
          + "the last not included; if the folder was restored or copied, move it away and start "
          + "with an empty one")
    }
    if failure.isDamage {
      return RecordLogError(
        code: .damaged,
        message: "cannot read log \(log) up to seq \(seq): \(failure.path) does not have what was "
          + "written there; keep the file and look at the disk")
    }
    return .failed("read log \(log)", failure, remedy: "let the agent read its record folder")
  }
}
