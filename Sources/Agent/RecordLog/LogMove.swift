import AuditLog
import GatewayModel
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Recording again, in the present epoch, what this run has recorded in a log that was given up:
/// under its numbers the control plane has other records.
///
/// Goes part by part, so that the event loop of the writer that takes them has its turns in
/// between: a part is read on any thread (``nextPart()``), taken by a writer on its loop
/// (``LaneWriter/take(_:at:)``), and brought to the medium on any thread (``settle()``).
package final class LogMove: Sendable {
  /// Some records of the log, in order and behind those of the part before.
  package struct Part: Sendable {
    let move: LogMove
    /// Before the first record: how many records of earlier runs may be lost, and since when.
    let loss: (atMost: UInt64, from: WallTime)?
    let records: [Data]
    let nextSeq: UInt64
  }

  /// Bound how long a loop is at one part: about a millisecond.
  static let partRecords = 1_024
  static let partBytes = 256 << 10

  private let lane: LaneState
  private let writer: LaneState
  private let start: UInt64
  private let end: UInt64
  private let place = Mutex<RecordWalk.Position?>(nil)

  /// - Parameters:
  ///   - lane: The log that was given up; nobody writes it any more, and nobody else moves it.
  ///   - writer: The log that takes its records.
  init(_ lane: LaneState, to writer: LaneState) {
    self.lane = lane
    self.writer = writer
    (start, end) = lane.withState { ($0.runStart ?? $0.committedSeq, $0.committedSeq) }
  }

  deinit { lane.withState { $0.isMoving = false } }

  /// Reads the next part; `nil` when all is taken.
  package func nextPart() throws(RecordLogError) -> Part? {
    guard let from = lane.withState({ $0.movedSeq }) else {
      return Part(move: self, loss: try uncertain(), records: [], nextSeq: start)
    }
    guard from < end else { return nil }
    do throws(FileFailure) {
      let (records, reached) = try lane.read(
        from: from, before: end, maximumRecords: Self.partRecords, maximumBytes: Self.partBytes,
        near: place.withLock { $0 })
      place.withLock { $0 = reached }
      return Part(move: self, loss: nil, records: records, nextSeq: reached.frontier.size)
    } catch {
      throw lane.readingFailed(error, at: from)
    }
  }

  /// To be called when a writer has committed the part.
  func taken(_ part: Part) { lane.withState { $0.movedSeq = part.nextSeq } }

  /// Brings what was taken to the medium, so that no segment that ends has much left to be synced.
  package func settle() throws(RecordLogError) {
    writer.synchronize()
    if let failure = writer.withState({ $0.syncFailure }) { throw failure }
  }

  /// Removes the log, when all of it was taken and settled.
  package func finish() throws(RecordLogError) {
    try settle()
    try lane.removeSegments()
  }

  /// What the log had before this run and the control plane never acknowledged: it may be there or
  /// not.
  private func uncertain() throws(RecordLogError) -> (atMost: UInt64, from: WallTime)? {
    let acknowledged = lane.withState { $0.acknowledgedSeq }
    guard acknowledged < start else { return nil }
    return (atMost: start - acknowledged, from: try lane.record(at: acknowledged).header.time)
  }
}

extension LaneState {
  /// The record with a seq.
  fileprivate func record(at seq: UInt64) throws(RecordLogError) -> DecodedRecord {
    let records: [Data]
    do throws(FileFailure) {
      records = try read(
        from: seq, before: seq + 1, maximumRecords: 1, maximumBytes: 0, near: nil
      ).records
    } catch {
      throw readingFailed(error, at: seq)
    }
    guard let bytes = records.first, let found = try? RecordDecoder.decode(bytes) else {
      throw readingFailed(.damaged(folder.configuration.folder), at: seq)
    }
    return found
  }

  fileprivate func removeSegments() throws(RecordLogError) {
    let segments = withState { state in
      defer { state.segments = [] }
      return state.segments
    }
    for segment in segments {
      do throws(FileFailure) {
        try folder.files.remove(segment.path)
        folder.addUsed(-segment.committedOffset)
      } catch {
        throw .failed(
          "remove the segment \(segment.path) of a superseded log", error,
          remedy: "let the agent write in its record folder")
      }
    }
  }
}
