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
    do throws(FileFailure) {
      let (records, reached) = try lane.read(
        from: seq, before: end, maximumRecords: maximumRecords, maximumBytes: maximumBytes,
        near: position.withLock { $0 })
      position.withLock { $0 = reached }
      return RecordBatch(log: log, fromSeq: seq, records: records, frontier: reached.frontier)
    } catch {
      throw lane.readingFailed(error, at: seq)
    }
  }

  /// The frontier of the log's tree of `size` records.
  ///
  /// Throws as ``batch(from:maximumRecords:maximumBytes:)`` does.
  package func frontier(of size: UInt64) throws(RecordLogError) -> MerkleFrontier {
    do throws(FileFailure) {
      return try lane.walk(to: size, near: position.withLock { $0 }).position.frontier
    } catch {
      throw lane.readingFailed(error, at: size)
    }
  }
}
