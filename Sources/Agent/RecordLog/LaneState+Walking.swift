import AuditLog
import GatewayModel

extension LaneState {
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
