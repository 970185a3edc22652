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
  /// Of the log's Merkle tree with the batch in it; its size is ``nextSeq``.
  package let frontier: MerkleFrontier

  /// One behind the last record.
  package var nextSeq: UInt64 { fromSeq + UInt64(records.count) }
  package var isEmpty: Bool { records.isEmpty }
  package var byteCount: Int { records.reduce(0) { $0 + $1.count } }
}

/// Reads the records of one log for shipping, and hashes them; from any task, one at a time.
///
/// Only what is on the medium is given out: a power cut cannot take back what was shipped.
package final class LaneReader: Sendable {
  let lane: LaneState
  /// Where the last batch ended: the next one goes on there without a search.
  private let position = Mutex<RecordWalk.Position?>(nil)

  init(lane: LaneState) { self.lane = lane }

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
  /// - Parameter keepFrom: The first record that no backup of the control plane has: from there on
  ///   segments are kept until the disk gets short. 0 when it names no backup.
  /// - Throws: `outOfRange` when the log never had that many records.
  package func acknowledge(
    before seq: UInt64, keepingFrom keepFrom: UInt64 = 0
  ) throws(RecordLogError) {
    try lane.acknowledge(before: seq, keepingFrom: keepFrom)
  }

  /// Notes that the control plane goes on at `seq`, also when that is below what it had
  /// acknowledged. Nothing is deleted, since it may want what lies behind.
  ///
  /// - Throws: `outOfRange` when the log never had that many records.
  package func resume(at seq: UInt64) throws(RecordLogError) { try lane.resume(at: seq) }

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
    let end = lane.withState { $0.syncedSeq }
    return try walking(to: seq) { walk throws(FileFailure) in
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
      position.withLock { $0 = walk.position }
      return RecordBatch(
        log: log, fromSeq: seq, records: records, frontier: walk.position.frontier)
    }
  }

  /// The frontier of the log's tree of `size` records.
  ///
  /// Throws as ``batch(from:maximumRecords:maximumBytes:)`` does.
  package func frontier(of size: UInt64) throws(RecordLogError) -> MerkleFrontier {
    try walking(to: size) { walk throws(FileFailure) in walk.position.frontier }
  }

  /// Runs `body` with a walk whose next record is `seq`.
  private func walking<R>(
    to seq: UInt64, _ body: (inout RecordWalk) throws(FileFailure) -> R
  ) throws(RecordLogError) -> R {
    do throws(FileFailure) {
      var walk = try lane.walk(to: seq, near: position.withLock { $0 })
      return try body(&walk)
    } catch {
      throw lane.readingFailed(error, at: seq)
    }
  }
}
