import AuditLog
import GatewayModel
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Records of one log, in order and without gaps.
package struct RecordBatch: Hashable, Sendable {
  package let log: LogID
  /// The seq of the first record.
  package let fromSeq: UInt64
  /// The bytes of each record, as written.
  package let records: [Data]

  /// One behind the last record.
  package var nextSeq: UInt64 { fromSeq + UInt64(records.count) }
  package var isEmpty: Bool { records.isEmpty }
  package var byteCount: Int { records.reduce(0) { $0 + $1.count } }
}

/// Reads the records of one log for shipping; from any task, one at a time to be quick.
///
/// Only what is on the medium is given out: a power cut cannot take back what was shipped.
package final class LaneReader: Sendable {
  private struct Position {
    var file: SegmentFile
    var seq: UInt64
    var offset: Int64
  }

  let lane: LaneState
  private let isCurrentEpoch: Bool
  /// Where the last batch ended: the next one goes on there without a search.
  private let position = Mutex<Position?>(nil)

  init(lane: LaneState, isCurrentEpoch: Bool) {
    self.lane = lane
    self.isCurrentEpoch = isCurrentEpoch
  }

  package var log: LogID { lane.log }

  /// The seq of the oldest record on disk.
  package var firstSeq: UInt64 {
    lane.withState { $0.segments.first?.firstSeq ?? $0.committedSeq }
  }

  /// One behind the last record that can be read.
  package var endSeq: UInt64 { lane.withState { $0.syncedSeq } }

  /// Everything below is known to be stored by the control plane.
  package var acknowledgedSeq: UInt64 { lane.withState { $0.acknowledgedSeq } }

  /// How many records the control plane has not stored yet.
  package var backlog: UInt64 {
    lane.withState { $0.committedSeq - min($0.acknowledgedSeq, $0.committedSeq) }
  }

  /// Notes that the control plane has stored everything below `seq`, and deletes whole segments
  /// below it but for what is retained.
  ///
  /// Throws `outOfRange` when the log never had that many records.
  package func acknowledge(before seq: UInt64) throws(RecordLogError) {
    try lane.acknowledge(before: seq, deletingLast: !isCurrentEpoch)
  }

  /// Waits until there is a record with `seq` and reads from there on.
  ///
  /// - Returns: at least one record, and no more than the two limits allow but for a single record
  ///   that is larger.
  package func nextBatch(
    from seq: UInt64, maximumRecords: Int, maximumBytes: Int
  ) async throws -> RecordBatch {
    var batch = try batch(from: seq, maximumRecords: maximumRecords, maximumBytes: maximumBytes)
    while batch.isEmpty {
      await lane.waitForRecord(seq)
      try Task.checkCancellation()
      batch = try self.batch(
        from: seq, maximumRecords: maximumRecords, maximumBytes: maximumBytes)
    }
    return batch
  }

  /// Reads from `seq` on what there is; empty when there is nothing yet.
  ///
  /// Throws `outOfRange` for a seq that is deleted already or beyond the end, `damaged` where the
  /// bytes are not what was written.
  package func batch(
    from seq: UInt64, maximumRecords: Int, maximumBytes: Int
  ) throws(RecordLogError) -> RecordBatch {
    let (segments, end, committed) = lane.withState {
      ($0.segments, $0.syncedSeq, $0.committedSeq)
    }
    guard seq >= segments.first?.firstSeq ?? committed, seq <= committed else {
      throw RecordLogError(
        code: .outOfRange,
        message: "cannot read seq \(seq) of log \(log): the folder has "
          + "\(segments.first?.firstSeq ?? committed) to \(committed), the last not included; "
          + "if the folder was restored or copied, move it away and start with an empty one")
    }
    var records: [Data] = []
    guard seq < end, maximumRecords > 0 else {
      return RecordBatch(log: log, fromSeq: seq, records: records)
    }
    guard var index = segments.lastIndex(where: { $0.firstSeq <= seq }) else {
      return RecordBatch(log: log, fromSeq: seq, records: records)
    }
    var next = seq
    var bytes = 0
    var isFull = false
    do throws(FileFailure) {
      while next < end, !isFull {
        let segment = segments[index]
        let start = try start(of: segment, seq: next)
        var cursor = FrameCursor(
          file: start.file, from: start.offset, limit: segment.committedOffset)
        var current = start.seq
        reading: while current < end {
          var found: UInt64?
          var taken: Data?
          let before = cursor.offset
          let step = try cursor.next(checking: current >= next) { payload in
            found = RecordDecoder.seq(of: payload)
            guard current >= next else { return }
            if records.isEmpty || bytes + payload.count <= maximumBytes {
              taken = Data(payload)
            } else {
              isFull = true
            }
          }
          switch step {
          case .bad: throw FileFailure.damaged(segment.path)
          case .end: break reading
          case .frame: break
          }
          // A checkpoint is no record.
          guard let found else { continue }
          guard found == current else { throw FileFailure.damaged(segment.path) }
          if let taken {
            bytes += taken.count
            records.append(taken)
            next += 1
          }
          if isFull {
            keep(Position(file: start.file, seq: current, offset: before))
            break reading
          }
          current += 1
          if records.count >= maximumRecords { isFull = true }
          keep(Position(file: start.file, seq: current, offset: cursor.offset))
          if isFull { break reading }
        }
        if next >= end || isFull { break }
        index += 1
        guard index < segments.count, segments[index].firstSeq == next else {
          throw FileFailure.damaged(segment.path)
        }
      }
    } catch {
      if error.isDamage {
        throw RecordLogError(
          code: .damaged,
          message: "cannot read seq \(next) of log \(log): \(error.path) does not have what was "
            + "written there; keep the file and look at the disk")
      }
      throw .failed("read log \(log)", error, remedy: "let the agent read its record folder")
    }
    return RecordBatch(log: log, fromSeq: seq, records: records)
  }

  private func keep(_ position: Position) { self.position.withLock { $0 = position } }

  /// Where to begin in a segment: where the last batch ended, when that is not behind `seq`.
  private func start(of segment: Segment, seq: UInt64) throws(FileFailure) -> Position {
    if let kept = position.withLock({ $0 }), kept.file.path == segment.path, kept.seq <= seq {
      return kept
    }
    return Position(
      file: try SegmentFile(path: segment.path, purpose: .read, files: lane.folder.files),
      seq: segment.firstSeq, offset: Int64(SegmentHeader.byteCount))
  }
}
